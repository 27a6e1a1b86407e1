import type { Logger } from "@iot-esim/shared/runtime/logger";
import type { CoapHandler, CoapReply } from "@iot-esim/shared/transport/coap/coap-face";
import type { ProvenPeer } from "@iot-esim/shared/transport/datagram";
import { utf8 } from "@iot-esim/shared/util/bytes";
import { EsimError } from "@iot-esim/shared/util/errors";

const ASN1_PATH = "gsma/rsp2/asn1";

export interface CoapTransferFaceDeps {
	/**
	 * Takes a TransferEimPackageRequest from whoever has proven what `peer` says; its answer.
	 * @throws EsimError whose httpStatus tells the answer then
	 */
	readonly transfer: (message: Uint8Array, peer: ProvenPeer) => Promise<Uint8Array>;
	readonly log: Logger;
}

/** Seconds after which an eIM that found the device busy comes again. */
const RETRY_AFTER = 30;

/**
 * ESipa.TransferEimPackage over CoAP, with the device as the server (SGP.32 §5.14.4, eimInjectCoaps). Only a peer that has
 * proven who it is is heard; whether it is an eIM of the card is for `transfer` to say.
 */
export function createCoapTransferFace({ transfer, log }: CoapTransferFaceDeps): CoapHandler {
	return async ({ method, path, payload }, { proven, remoteAddress }) => {
		if (path.join("/") !== ASN1_PATH) return refusal("4.04", `packages are brought to /${ASN1_PATH}`);
		if (method !== "POST") return refusal("4.05", "packages are brought by POST");
		if (proven === undefined) return refusal("4.01", "an eIM proves who it is");
		try {
			return { code: "2.04", payload: await transfer(payload, proven) };
		} catch (error) {
			log.warn("package brought by an eIM not taken", { remoteAddress, error });
			const status = error instanceof EsimError ? error.httpStatus : 500;
			if (status >= 500) return { ...refusal("5.03", "try again later"), maxAge: RETRY_AFTER };
			return refusal(status === 403 ? "4.03" : "4.00", (error as Error).message);
		}
	};
}

function refusal(code: string, text: string): CoapReply {
	return { code, payload: utf8(text) };
}
