/** What an eUICC answers to the profile elements of a package (TCA EUICCResponse), inside ProfileInstallationResult. */

import { decode, encode } from "../asn1/schema.ts";
import { EUICCResponse, PEStatusCode } from "../messages/pe/euicc-response.ts";

/** A profile element that failed. */
export interface ElementStatus {
	readonly status: Exclude<keyof typeof PEStatusCode, "ok">;
	/** Number of the element; absent for the header and the package as a whole. */
	readonly identification?: number;
	/** For people; cut to 64 characters. */
	readonly message?: string;
}

/** All elements were processed: 30 07 A0 05 30 03 80 01 00. */
export function simaSuccess(): Uint8Array {
	return encode(EUICCResponse, { peStatus: [{ status: PEStatusCode.ok }] });
}

/** The installation stopped at an element. */
export function simaFailure({ status, identification, message }: ElementStatus): Uint8Array {
	const text = [...(message ?? "")].slice(0, 64).join("");
	return encode(EUICCResponse, {
		peStatus: [{ status: PEStatusCode[status], ...(identification !== undefined && { identification }) }],
		profileInstallationAborted: null,
		...(text.length >= 2 && { statusMessage: text }),
	});
}

/** The statuses of a response in words: "bad-values (element 7): ...". */
export function describeSimaResponse(der: Uint8Array): string {
	const { peStatus, statusMessage } = decode(EUICCResponse, der);
	const words = peStatus.map(({ status, identification }) => {
		const name = Object.entries(PEStatusCode).find(([, code]) => code === status)?.[0] ?? `status ${status}`;
		return identification === undefined ? name : `${name} (element ${identification})`;
	});
	return statusMessage === undefined ? words.join(", ") : `${words.join(", ")}: ${statusMessage}`;
}
