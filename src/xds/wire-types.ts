/** How a field's value stands on the wire (protobuf.dev, "Encoding"): the low three bits of its tag. */
export const VARINT = 0;
export const FIXED64 = 1;
export const LENGTH = 2;
export const FIXED32 = 5;
