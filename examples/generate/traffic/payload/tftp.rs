//! TFTP (RFC 1350, options by RFC 2347).

fn request(opcode: u16, file: &str, options: &[(&str, &str)]) -> Vec<u8> {
    let mut out = opcode.to_be_bytes().to_vec();
    let pairs = options.iter().flat_map(|(name, value)| [*name, *value]);
    for text in [file, "octet"].into_iter().chain(pairs) {
        out.extend(text.as_bytes());
        out.push(0);
    }
    out
}

pub(crate) fn read(file: &str, options: &[(&str, &str)]) -> Vec<u8> {
    request(1, file, options)
}

pub(crate) fn write(file: &str, options: &[(&str, &str)]) -> Vec<u8> {
    request(2, file, options)
}

pub(crate) fn data(number: u16, bytes: &[u8]) -> Vec<u8> {
    [&3_u16.to_be_bytes(), &number.to_be_bytes(), bytes].concat()
}

pub(crate) fn ack(number: u16) -> Vec<u8> {
    [4_u16.to_be_bytes(), number.to_be_bytes()].concat()
}

pub(crate) fn error(code: u16, message: &str) -> Vec<u8> {
    [&5_u16.to_be_bytes(), &code.to_be_bytes(), message.as_bytes(), &[0]].concat()
}

/// Option acknowledgment (RFC 2347).
pub(crate) fn oack(options: &[(&str, &str)]) -> Vec<u8> {
    let mut out = 6_u16.to_be_bytes().to_vec();
    for text in options.iter().flat_map(|(name, value)| [*name, *value]) {
        out.extend(text.as_bytes());
        out.push(0);
    }
    out
}
