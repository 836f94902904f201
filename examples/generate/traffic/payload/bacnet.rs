//! BACnet/IP (ANSI/ASHRAE 135 Annex J): BVLC, NPDU and the few APDUs of a head end.

fn bvlc(function: u8, npdu: &[u8]) -> Vec<u8> {
    let length = (4 + npdu.len()) as u16;
    [&[0x81, function], &length.to_be_bytes()[..], npdu].concat()
}

/// BACnetObjectIdentifier: 10 bits of type, 22 of instance.
fn object(kind: u32, instance: u32) -> [u8; 4] {
    (kind << 22 | instance).to_be_bytes()
}

const DEVICE: u32 = 8;
const ANALOG_VALUE: u32 = 2;

/// Original-Broadcast of an unconfirmed Who-Is to all networks.
pub(crate) fn who_is() -> Vec<u8> {
    bvlc(0x0b, &[0x01, 0x20, 0xff, 0xff, 0x00, 0xff, 0x10, 0x08])
}

/// Original-Broadcast of an I-Am: device, 1476 bytes, no segmentation, vendor 999.
pub(crate) fn i_am(instance: u32) -> Vec<u8> {
    let mut npdu = vec![0x01, 0x20, 0xff, 0xff, 0x00, 0xff, 0x10, 0x00, 0xc4];
    npdu.extend(object(DEVICE, instance));
    npdu.extend([0x22, 0x05, 0xc4, 0x91, 0x03, 0x22, 0x03, 0xe7]);
    bvlc(0x0b, &npdu)
}

/// Original-Unicast ReadProperty of an analog value's present value.
pub(crate) fn read_property(invoke: u8, instance: u32) -> Vec<u8> {
    let mut npdu = vec![0x01, 0x04, 0x00, 0x05, invoke, 0x0c, 0x0c];
    npdu.extend(object(ANALOG_VALUE, instance));
    npdu.extend([0x19, 85]);
    bvlc(0x0a, &npdu)
}

/// Its ComplexACK with a REAL.
pub(crate) fn read_property_ack(invoke: u8, instance: u32, value: f32) -> Vec<u8> {
    let mut npdu = vec![0x01, 0x00, 0x30, invoke, 0x0c, 0x0c];
    npdu.extend(object(ANALOG_VALUE, instance));
    npdu.extend([0x19, 85, 0x3e, 0x44]);
    npdu.extend(value.to_be_bytes());
    npdu.push(0x3f);
    bvlc(0x0a, &npdu)
}
