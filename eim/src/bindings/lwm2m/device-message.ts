import { concatBytes, equalBytes } from "@iot-esim/shared/util/bytes";

/**
 * What stands in a resource of the object (docs/operations/lwm2m.md): a message, before it 01 and one octet where its
 * sender tells by a number what belongs together. No TLV of ESipa begins with 01.
 */
export interface DeviceMessage {
	readonly number: number | undefined;
	readonly message: Uint8Array;
}

const MARK = 0x01;

export function readMessage(octets: Uint8Array): DeviceMessage {
	const number = octets[0] === MARK ? octets[1] : undefined;
	return { number, message: number === undefined ? octets : octets.subarray(2) };
}

export function writeMessage({ number, message }: DeviceMessage): Uint8Array {
	return number === undefined ? message : concatBytes(Uint8Array.of(MARK, number), message);
}

/** Whether both are the same, said twice. */
export function isSame(one: DeviceMessage, other: DeviceMessage): boolean {
	return one.number === other.number && equalBytes(one.message, other.message);
}

/** Whether the one is how the other begins. */
export function isBeginning(one: DeviceMessage, other: DeviceMessage): boolean {
	return isSame(one, { ...other, message: other.message.subarray(0, one.message.length) });
}

/** False where the length of a message says that there is more of it than is here. */
export function isWhole({ message }: DeviceMessage): boolean {
	const at = message[0] === 0xbf ? 2 : 1;
	const first = message[at] ?? 0;
	if (first < 0x80) return at + 1 + first <= message.length;
	const size = first & 0x7f;
	const length = message.subarray(at + 1, at + 1 + size).reduce((value, octet) => value * 256 + octet, 0);
	return at + 1 + size + length <= message.length;
}

/** TransferEimPackageResponse: what a device says without having asked. */
export function isTransferAnswer({ message }: DeviceMessage): boolean {
	return message[0] === 0xbf && message[1] === 0x4e;
}
