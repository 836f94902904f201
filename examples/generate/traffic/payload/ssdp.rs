//! SSDP and UPnP (UPnP Device Architecture 2.0).

pub(crate) fn search(host: &str, target: &str, mx: Option<u8>) -> Vec<u8> {
    let mx = mx.map_or_else(String::new, |seconds| format!("MX: {seconds}\r\n"));
    format!("M-SEARCH * HTTP/1.1\r\nHOST: {host}\r\nMAN: \"ssdp:discover\"\r\n{mx}ST: {target}\r\n\r\n").into_bytes()
}

pub(crate) fn answer(location: &str, target: &str, unique: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=1800\r\nEXT:\r\nLOCATION: {location}\r\nSERVER: Igor/3.1 UPnP/1.1 node/1.0\r\n\
         ST: {target}\r\nUSN: {unique}\r\n\r\n"
    )
    .into_bytes()
}

pub(crate) fn notify(host: &str, location: &str, target: &str, unique: &str) -> Vec<u8> {
    format!(
        "NOTIFY * HTTP/1.1\r\nHOST: {host}\r\nCACHE-CONTROL: max-age=1800\r\nLOCATION: {location}\r\nNT: {target}\r\n\
         NTS: ssdp:alive\r\nSERVER: Igor/3.1 UPnP/1.1 node/1.0\r\nUSN: {unique}\r\n\r\n"
    )
    .into_bytes()
}

pub(crate) fn subscribe(host: &str, callback: &str) -> Vec<u8> {
    format!("SUBSCRIBE /event HTTP/1.1\r\nHOST: {host}\r\nCALLBACK: <{callback}>\r\nNT: upnp:event\r\nTIMEOUT: Second-1800\r\n\r\n")
        .into_bytes()
}

pub(crate) fn event(host: &str, subscription: &str, sequence: u32) -> Vec<u8> {
    let body = "<e:propertyset xmlns:e=\"urn:schemas-upnp-org:event-1-0\"><e:property><Level>80</Level></e:property></e:propertyset>";
    format!(
        "NOTIFY /event HTTP/1.1\r\nHOST: {host}\r\nCONTENT-TYPE: text/xml\r\nNT: upnp:event\r\nNTS: upnp:propchange\r\n\
         SID: uuid:{subscription}\r\nSEQ: {sequence}\r\nCONTENT-LENGTH: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

pub(crate) fn description(name: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><root xmlns=\"urn:schemas-upnp-org:device-1-0\"><specVersion><major>1</major><minor>1</minor>\
         </specVersion><device><deviceType>urn:schemas-upnp-org:device:DimmableLight:1</deviceType><friendlyName>{name}</friendlyName>\
         <manufacturer>sample</manufacturer><modelName>node</modelName></device></root>"
    )
}
