import { Agent, request as httpsRequest } from "node:https";
import { decode, encode, keep } from "@iot-esim/shared/asn1/schema";
import { Eid } from "@iot-esim/shared/ids/eid";
import {
	GetEimPackageRequest,
	GetEimPackageResponse,
	ProvideEimPackageResult,
	ProvideEimPackageResultResponse,
} from "@iot-esim/shared/messages/sgp32/esipa-package";
import { EuiccPackageResult } from "@iot-esim/shared/messages/sgp32/euicc-package-result";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { signEuiccPackageResult } from "@iot-esim/shared/security/package-signature";
import { NO_ASSOCIATION_TOKEN } from "@iot-esim/shared/security/signature-input";
import { equalBytes } from "@iot-esim/shared/util/bytes";
import { type Credential, issueEuiccCredential, type TestPki } from "@iot-esim/sim/pki/test-pki";

/** A device of the benchmark: its own key and certificate, and what it sent and got last. */
export interface FleetDevice {
	readonly eid: string;
	readonly poll: Uint8Array;
	readonly credential: Credential;
	sequenceNumber: number;
	lastPackage: Uint8Array;
	lastResult: Uint8Array;
}

export function makeFleet(pki: TestPki, size: number): FleetDevice[] {
	return Array.from({ length: size }, (_, index) => {
		const eid = Eid.withCheckDigits(`8904903200000000000001${String(index).padStart(8, "0")}`);
		const credential = issueEuiccCredential({
			curve: pki.curve,
			random: systemRandom,
			now: Date.now(),
			eum: pki.eum,
			eid,
		});
		const poll = encode(GetEimPackageRequest, { eidValue: Eid.toBytes(eid) });
		return { eid, poll, credential, sequenceNumber: 0, lastPackage: new Uint8Array(), lastResult: new Uint8Array() };
	});
}

/** Kept connections to one server; `post` gives the answer's body. */
export class Poster {
	readonly #agent: Agent;
	readonly #port: number;

	constructor(port: number, connections: number) {
		this.#agent = new Agent({ keepAlive: true, maxSockets: connections, rejectUnauthorized: false });
		this.#port = port;
	}

	post(path: string, body: Uint8Array): Promise<Uint8Array> {
		return new Promise((resolve, reject) => {
			const headers = {
				"content-type": "application/x-gsma-rsp-asn1",
				"content-length": body.length,
				"x-admin-protocol": "gsma/rsp/v2.5.0",
				"user-agent": "gsma-rsp-ipad",
			};
			const call = httpsRequest(
				{ host: "127.0.0.1", port: this.#port, path, method: "POST", agent: this.#agent, headers },
				(response) => {
					const chunks: Buffer[] = [];
					response.on("data", (chunk: Buffer) => chunks.push(chunk));
					response.on("end", () => {
						if (response.statusCode === 200) resolve(new Uint8Array(Buffer.concat(chunks)));
						else reject(new Error(`${path} answered ${response.statusCode}`));
					});
				},
			);
			call.on("error", reject);
			call.end(body);
		});
	}

	close(): void {
		this.#agent.destroy();
	}
}

/** Runs `task` for every item, `width` at a time. */
export async function inParallel<T>(
	items: readonly T[],
	width: number,
	task: (item: T) => Promise<void>,
): Promise<void> {
	let next = 0;
	const worker = async () => {
		while (next < items.length) await task(items[next++] as T);
	};
	await Promise.all(Array.from({ length: width }, worker));
}

const ESIPA = "/gsma/rsp2/asn1";

/** Polls and gives what came; `undefined` when the eIM has nothing. */
export async function pollOnce(poster: Poster, device: FleetDevice): Promise<GetEimPackageResponse | undefined> {
	device.lastPackage = await poster.post(ESIPA, device.poll);
	const response = decode(GetEimPackageResponse, device.lastPackage);
	return "eimPackageError" in response ? undefined : response;
}

/** Hands over the certificates that the eIM asks a new device for. */
export async function provideCertificates(poster: Poster, device: FleetDevice, pki: TestPki): Promise<void> {
	const response = await pollOnce(poster, device);
	if (!response || !("ipaEuiccDataRequest" in response)) throw new Error("the eIM did not ask for the certificates");
	const { eimTransactionId } = response.ipaEuiccDataRequest;
	await provide(poster, device, {
		ipaEuiccDataResponse: {
			ipaEuiccData: {
				eumCertificate: pki.eum.certificate,
				euiccCertificate: device.credential.certificate,
				...(eimTransactionId === undefined ? {} : { eimTransactionId }),
			},
		},
	});
}

/** One whole operation cycle: poll, signed package, signed result, acknowledgement of exactly its number. */
export async function cycleOnce(poster: Poster, device: FleetDevice): Promise<void> {
	const response = await pollOnce(poster, device);
	if (!response || !("euiccPackageRequest" in response)) throw new Error(`no eUICC package for ${device.eid}`);
	const { eimId, counterValue, eimTransactionId } = response.euiccPackageRequest.value.euiccPackageSigned.value;
	const seqNumber = ++device.sequenceNumber;
	const result = signEuiccPackageResult({
		data: {
			eimId,
			counterValue,
			...(eimTransactionId === undefined ? {} : { eimTransactionId }),
			seqNumber,
			euiccResult: [{ enableResult: 0 }],
		},
		associationToken: NO_ASSOCIATION_TOKEN,
		privateKey: device.credential.privateKey,
	});
	const kept = keep(EuiccPackageResult, result);
	device.lastResult = kept.der;
	const acknowledged = await provide(poster, device, { euiccPackageResult: kept });
	if (!("eimAcknowledgements" in acknowledged) || acknowledged.eimAcknowledgements.join() !== String(seqNumber)) {
		throw new Error(`the eIM acknowledged ${JSON.stringify(acknowledged)}, not ${seqNumber}`);
	}
}

async function provide(
	poster: Poster,
	device: FleetDevice,
	eimPackageResult: ProvideEimPackageResult["eimPackageResult"],
): Promise<ProvideEimPackageResultResponse> {
	const body = encode(ProvideEimPackageResult, { eidValue: Eid.toBytes(Eid(device.eid)), eimPackageResult });
	return decode(ProvideEimPackageResultResponse, await poster.post(ESIPA, body));
}

/** True when these octets stand in the response that a device got. */
export function contains(response: Uint8Array, octets: Uint8Array): boolean {
	for (let at = 0; at + octets.length <= response.length; at++) {
		if (equalBytes(response.subarray(at, at + octets.length), octets)) return true;
	}
	return false;
}
