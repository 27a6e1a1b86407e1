import { decode } from "@iot-esim/shared/asn1/schema";
import { readTlv } from "@iot-esim/shared/asn1/tlv-reader";
import {
	GetEimPackageRequest,
	GetEimPackageResponse,
	ProvideEimPackageResult,
	ProvideEimPackageResultResponse,
} from "@iot-esim/shared/messages/sgp32/esipa-package";
import { toHex } from "@iot-esim/shared/util/bytes";

/** ESipa functions by their tags. */
export const Esipa = {
	initiateAuthentication: 0xbf39,
	getBoundProfilePackage: 0xbf3a,
	authenticateClient: 0xbf3b,
	handleNotification: 0xbf3d,
	cancelSession: 0xbf41,
	getEimPackage: 0xbf4f,
	provideEimPackageResult: 0xbf50,
} as const;

const NAMES = new Map<number, string>(Object.entries(Esipa).map(([name, tag]) => [tag, name]));

/** What the eIM has said in answers, whether or not they arrived. */
export class Witness {
	/** By EID and counter: every package that was ever handed out with it, in hex. */
	readonly packages = new Map<string, Set<string>>();
	/** By EID: the sequence numbers that were acknowledged. */
	readonly acknowledged = new Map<string, Set<number>>();

	/** Notes one answer; gives a name for it. */
	note(request: Uint8Array, answer: Uint8Array | null): string {
		const tag = tagOf(request);
		const name = NAMES.get(tag) ?? `function ${tag.toString(16)}`;
		if (answer === null) return `${name}: taken`;
		if (tag === Esipa.getEimPackage) return `${name}: ${this.#package(request, answer)}`;
		if (tag === Esipa.provideEimPackageResult) return `${name}: ${this.#acknowledgement(request, answer)}`;
		return `${name}: answered`;
	}

	#package(request: Uint8Array, answer: Uint8Array): string {
		const response = decode(GetEimPackageResponse, answer);
		if ("eimPackageError" in response)
			return response.eimPackageError === 1 ? "nothing" : `error ${response.eimPackageError}`;
		if (!("euiccPackageRequest" in response)) return Object.keys(response).join();
		const eid = toHex(decode(GetEimPackageRequest, request).eidValue);
		const { counterValue } = response.euiccPackageRequest.value.euiccPackageSigned.value;
		const key = `${eid} ${counterValue}`;
		const packages = this.packages.get(key) ?? new Set();
		this.packages.set(key, packages.add(toHex(response.euiccPackageRequest.der)));
		return `package with counter ${counterValue}`;
	}

	#acknowledgement(request: Uint8Array, answer: Uint8Array): string {
		const response = decode(ProvideEimPackageResultResponse, answer);
		if (!("eimAcknowledgements" in response)) return Object.keys(response).join();
		const { eidValue } = decode(ProvideEimPackageResult, request);
		const eid = eidValue === undefined ? "" : toHex(eidValue);
		const numbers = this.acknowledged.get(eid) ?? new Set();
		for (const number of response.eimAcknowledgements) numbers.add(number);
		this.acknowledged.set(eid, numbers);
		return `acknowledges ${response.eimAcknowledgements.join(", ")}`;
	}
}

function tagOf(message: Uint8Array): number {
	try {
		return readTlv(message, 0).tag;
	} catch {
		return 0;
	}
}
