//! Tests of the whole way from bytes to packets.

mod compression;
mod corpus;
mod damage;
mod merging;
mod pcap;
mod pcapng;
mod refusal;
