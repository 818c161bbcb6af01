//! Many connections, one order.
