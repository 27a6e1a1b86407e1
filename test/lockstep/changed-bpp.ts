import { readTlvs, readWholeTlv, tlvBytes } from "@iot-esim/shared/asn1/tlv-reader";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import type { HttpHandler } from "@iot-esim/shared/transport/http/server";
import { concatBytes, fromBase64, toBase64, utf8 } from "@iot-esim/shared/util/bytes";

/** Changes the blocks of the profile elements: those of [3] sequenceOf86. */
export type BlockChange = (blocks: readonly Uint8Array[]) => readonly Uint8Array[];

const contentsOf = (octets: Uint8Array) => octets.subarray(readWholeTlv(octets).valueStart);
const partsOf = (contents: Uint8Array) => readTlvs(contents).map((part) => tlvBytes(contents, part));

/** A BoundProfilePackage (BF36) with its profile elements changed. */
function changed(bpp: Uint8Array, change: BlockChange): Uint8Array {
	const parts = partsOf(contentsOf(bpp)).map((part) =>
		part[0] === 0xa3 ? tlv(0xa3, ...change(partsOf(contentsOf(part)))) : part,
	);
	return tlv(0xbf36, concatBytes(...parts));
}

/** BF36 wherever it stands among constructed TLVs. */
function changedInside(octets: Uint8Array, change: BlockChange): Uint8Array {
	const { tag } = readWholeTlv(octets);
	if (tag === 0xbf36) return changed(octets, change);
	if (tag !== 0xbf3a && tag !== 0xa0 && tag !== 0xa2) return octets;
	return tlv(tag, ...partsOf(contentsOf(octets)).map((part) => changedInside(part, change)));
}

/** The ES9+ of an SM-DP+ whose Bound Profile Packages are changed on their way, in either form. */
export function withChangedBpp(server: HttpHandler, change: BlockChange): HttpHandler {
	return async (request) => {
		const answer = await server(request);
		const { body } = answer;
		if (request.path.endsWith("getBoundProfilePackage")) {
			const members = JSON.parse(body instanceof Uint8Array ? new TextDecoder().decode(body) : String(body));
			const boundProfilePackage = toBase64(changed(fromBase64(members.boundProfilePackage), change));
			return { ...answer, body: utf8(JSON.stringify({ ...members, boundProfilePackage })) };
		}
		if (!request.path.endsWith("asn1") || !(body instanceof Uint8Array)) return answer;
		return { ...answer, body: changedInside(body, change) };
	};
}
