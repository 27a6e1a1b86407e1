import { octetsInSenml } from "./senml.ts";
import { resourceInTlv } from "./tlv.ts";

/** Resources of the object that carries ESipa (docs/operations/lwm2m.md, examples/lwm2m/esipa.xml). */
export const RESOURCE = { toDevice: 0, fromDevice: 1, wakeUp: 2, eid: 3 } as const;

/** Numbers in IANA's registry of CoAP content formats. */
export const FORMAT = {
	linkFormat: 40,
	octetStream: 42,
	senmlJson: 110,
	senmlCbor: 112,
	tlv: 11_542,
	formerTlv: 1542,
} as const;

/**
 * The octets of one resource, in whichever form the device has chosen.
 * @returns undefined where they are not there, or the form is none that is known
 */
export function octetsOfResource(
	payload: Uint8Array,
	contentFormat: number | undefined,
	resource: { readonly objectId: number; readonly instanceId: number; readonly resourceId: number },
): Uint8Array | undefined {
	const { objectId, instanceId, resourceId } = resource;
	switch (contentFormat) {
		case undefined:
		case FORMAT.octetStream:
			return payload;
		case FORMAT.tlv:
		case FORMAT.formerTlv:
			return resourceInTlv(payload, resourceId);
		case FORMAT.senmlCbor:
		case FORMAT.senmlJson: {
			const found = octetsInSenml(payload, contentFormat === FORMAT.senmlCbor ? "cbor" : "json");
			return found?.find(({ name }) => name === `/${objectId}/${instanceId}/${resourceId}`)?.octets;
		}
		default:
			return undefined;
	}
}
