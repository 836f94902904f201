//! TLS 1.3 as it looks from outside (RFC 8446).

use super::super::random::Random;

fn record(kind: u8, version: u16, body: &[u8]) -> Vec<u8> {
    [&[kind], &version.to_be_bytes()[..], &(body.len() as u16).to_be_bytes(), body].concat()
}

fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u32).to_be_bytes();
    [&[kind], &length[1..], body].concat()
}

fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes(), &(body.len() as u16).to_be_bytes(), body].concat()
}

fn with_length(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes(), bytes].concat()
}

pub(crate) fn client_hello(random: &mut Random, name: &str) -> Vec<u8> {
    let server_name = with_length(&[&[0], &with_length(name.as_bytes())[..]].concat());
    let key = [&[0x00, 0x1d], &with_length(&random.bytes(32))[..]].concat();
    let extensions = [
        extension(0, &server_name),
        extension(10, &with_length(&[0x00, 0x1d, 0x00, 0x17])),
        extension(13, &with_length(&[0x04, 0x03, 0x08, 0x04, 0x04, 0x01])),
        extension(43, &[4, 0x03, 0x04, 0x03, 0x03]),
        extension(51, &with_length(&key)),
    ]
    .concat();
    let mut body = vec![0x03, 0x03];
    body.extend(random.bytes(32));
    body.push(32);
    body.extend(random.bytes(32));
    body.extend(with_length(&[0x13, 0x01, 0x13, 0x02, 0x13, 0x03]));
    body.extend([1, 0]);
    body.extend(with_length(&extensions));
    record(22, 0x0301, &handshake(1, &body))
}

/// ServerHello, change cipher spec, and the rest of the flight, encrypted.
pub(crate) fn server_hello(random: &mut Random) -> Vec<u8> {
    let key = [&[0x00, 0x1d], &with_length(&random.bytes(32))[..]].concat();
    let extensions = [extension(43, &[0x03, 0x04]), extension(51, &key)].concat();
    let mut body = vec![0x03, 0x03];
    body.extend(random.bytes(32));
    body.push(32);
    body.extend(random.bytes(32));
    body.extend([0x13, 0x01, 0]);
    body.extend(with_length(&extensions));
    let mut out = record(22, 0x0303, &handshake(2, &body));
    out.extend(record(20, 0x0303, &[1]));
    out.extend(application(random, 1_900));
    out
}

pub(crate) fn application(random: &mut Random, length: usize) -> Vec<u8> {
    record(23, 0x0303, &random.bytes(length))
}
