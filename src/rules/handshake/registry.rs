//! Names that IANA has registered for WebSocket (RFC 6455 §11.4, §11.5).

/// The WebSocket Extension Name Registry has `permessage-deflate` and `bbf-usp-protocol`
/// (<https://www.iana.org/assignments/websocket>, as of October 2026). The others are drafts of which there were
/// implementations; rules of their own name them where they are in use. Sorted by bytes.
pub(super) static KNOWN_EXTENSIONS: &[&str] = &[
    "bbf-usp-protocol",
    "deflate-frame",
    "deflate-stream",
    "mux",
    "permessage-deflate",
    "x-webkit-deflate-frame",
    "x-webkit-deflate-message",
];

/// The WebSocket Subprotocol Name Registry (<https://www.iana.org/assignments/websocket>), as software repeats it that was
/// written in 2023. The whole of a later state was not at hand: the later versions of OCPP and TLCP, and those of
/// IRC, are taken for registered, since a name that is missing here would be called unregistered without being
/// so. Sorted by bytes.
pub(super) static KNOWN_SUBPROTOCOLS: &[&str] = &[
    "2016.serverpush.dash.mpeg.org",
    "2018.mmt.mpeg.org",
    "MBLWS.huawei.com",
    "MBWS.huawei.com",
    "TLCP-2.0.0.lightstreamer.com",
    "TLCP-2.1.0.lightstreamer.com",
    "TLCP-2.2.0.lightstreamer.com",
    "TLCP-2.3.0.lightstreamer.com",
    "TLCP-2.4.0.lightstreamer.com",
    "TLCP-2.5.0.lightstreamer.com",
    "amqp",
    "bfcp",
    "binary.ircv3.net",
    "clue",
    "coap",
    "cobra.v2.json",
    "collection-update",
    "dc.bsc.bacnet.org",
    "done",
    "drp",
    "hub.bsc.bacnet.org",
    "jmap",
    "jsflow",
    "mielecloudconnect",
    "mles-websocket",
    "mqtt",
    "msrp",
    "notificationchannel-netapi-rest.openmobilealliance.org",
    "ocpp1.2",
    "ocpp1.5",
    "ocpp1.6",
    "ocpp2.0",
    "ocpp2.0.1",
    "ocpp2.1",
    "oneM2M.R2.0.cbor",
    "oneM2M.R2.0.json",
    "oneM2M.R2.0.xml",
    "opcua+uacp",
    "opcua+uajson",
    "rfb",
    "rwpcp",
    "ship",
    "sip",
    "sldp.softvelum.com",
    "soap",
    "sqlnet.oracle.com",
    "t140",
    "text.ircv3.net",
    "transit",
    "v1.saltyrtc.org",
    "v1.swindon-lattice+json",
    "v1.usp",
    "v10.pcp.sap.com",
    "v10.stomp",
    "v11.stomp",
    "v12.stomp",
    "wamp",
    "webrtc.softvelum.com",
    "wpcp",
    "xmpp",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted_and_name_nothing_twice() {
        for table in [KNOWN_EXTENSIONS, KNOWN_SUBPROTOCOLS] {
            assert!(table.is_sorted_by(|one, two| one < two), "{table:?}");
        }
    }
}
