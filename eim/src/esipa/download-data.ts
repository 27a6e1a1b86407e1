/** What the eIM puts into a download in place of the IPA. */

import { encode } from "@iot-esim/shared/asn1/schema";
import { findTlv, readTlvs, readWholeTlv, tlvBytes } from "@iot-esim/shared/asn1/tlv-reader";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { DeviceInfo } from "@iot-esim/shared/messages/sgp22/device-info";
import { utf8 } from "@iot-esim/shared/util/bytes";
import type { Device } from "../domain/device.ts";

/** A device that has told nothing of itself: the TAC is mandatory, also for a module without an IMEI. */
const NO_DEVICE_INFO = encode(DeviceInfo, { tac: new Uint8Array(4), deviceCapabilities: {} });

/** EUICCInfo1 as the IPA gave it, or what EUICCInfo2 has under the same tags: SVN and the two lists of CI keys. */
export function euiccInfo1Of({ euiccInfo1, euiccInfo2 }: Device): Uint8Array | undefined {
	if (euiccInfo2 === undefined) return euiccInfo1;
	const whole = readWholeTlv(euiccInfo2);
	const members = readTlvs(euiccInfo2, whole.valueStart, whole.end);
	const parts = [0x82, 0xa9, 0xaa].map((tag) => findTlv(members, tag));
	return tlv(0xbf20, ...parts.flatMap((part) => (part === undefined ? [] : [tlvBytes(euiccInfo2, part)])));
}

/** CtxParams1 for an IPA that leaves it to the eIM: the matching identifier and what the device is. */
export function ctxParams1For({ deviceInfo }: Device, matchingId: string | undefined): Uint8Array {
	const info = deviceInfo ?? NO_DEVICE_INFO;
	const contents = readWholeTlv(info);
	return tlv(
		0xa0,
		...(matchingId === undefined ? [] : [tlv(0x80, utf8(matchingId))]),
		tlv(0xa1, info.subarray(contents.valueStart, contents.end)),
	);
}
