/** Octets of ESipa that many tests compare with, and the exchange that asks a device for its certificates. */

import { newDevice } from "@iot-esim/eim/domain/device";
import { encode } from "@iot-esim/shared/asn1/schema";
import { IpaEuiccDataResponse } from "@iot-esim/shared/messages/sgp32/ipa-euicc-data";
import { hex } from "@iot-esim/shared/util/bytes";
import { packageIn, poll, testPki } from "./esipa-bench.ts";

const { eid } = testPki();

/** A card starts from the counter in its eIM configuration data; the first package has a greater one. */
export const FIRST_COUNTER = newDevice({ eid, at: 0 }).counter + 1;
/** noEimPackageAvailable. */
export const NO_PACKAGE = hex`BF4F 03 02 01 01`;
/** emptyResponse: taken, and nothing to remove. */
export const EMPTY = hex`BF50 02 30 00`;
/** provideEimPackageResultError undefinedError: not taken. */
export const NOT_TAKEN = hex`BF50 03 02 01 7F`;

/** BF52 with the certificates of the device. */
export function certificates(eimTransactionId: Uint8Array): Uint8Array {
	return encode(IpaEuiccDataResponse, {
		ipaEuiccData: {
			euiccCertificate: testPki().euicc.certificate,
			eumCertificate: testPki().eum.certificate,
			eimTransactionId,
		},
	});
}

/** Polls for the request for eUICC data; its transaction. */
export async function takeDataRequest(bench: { ask(body: Uint8Array): Promise<Uint8Array> }): Promise<Uint8Array> {
	const response = packageIn(await bench.ask(poll(eid)));
	if (!("ipaEuiccDataRequest" in response)) throw new Error(`no data request: ${Object.keys(response)}`);
	return response.ipaEuiccDataRequest.eimTransactionId as Uint8Array;
}
