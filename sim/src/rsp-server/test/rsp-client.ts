/** A client for tests: LPA and eUICC in one, which can also sign what a real one never would. */

import type { KeyObject } from "node:crypto";
import { decode, encode, keep } from "@iot-esim/shared/asn1/schema";
import { signRaw } from "@iot-esim/shared/crypto/ecdsa";
import {
	AuthenticateServerResponse,
	EuiccSigned1,
	ServerSigned1,
} from "@iot-esim/shared/messages/sgp22/authenticate-server";
import { EUICCInfo1, type EUICCInfo2 } from "@iot-esim/shared/messages/sgp22/euicc-info";
import { parseCertificate } from "@iot-esim/shared/pki/certificate";
import type { HttpHandler } from "@iot-esim/shared/transport/http/server";
import { fromBase64, fromHex, toBase64 } from "@iot-esim/shared/util/bytes";
import type { TestPki } from "../../pki/test-pki.ts";

/** The members of all answers; absent ones are empty texts where a test asks for them. */
export interface Answer {
	readonly header: {
		readonly functionExecutionStatus: {
			readonly status: string;
			readonly statusCodeData?: {
				readonly subjectCode: string;
				readonly reasonCode: string;
				readonly message: string;
				readonly subjectIdentifier?: string;
			};
		};
	};
	readonly transactionId?: string;
	readonly serverSigned1?: string;
	readonly serverSignature1?: string;
	readonly euiccCiPKIdToBeUsed?: string;
	readonly serverCertificate?: string;
	readonly profileMetadata?: string;
	readonly smdpSigned2?: string;
	readonly smdpSignature2?: string;
	readonly smdpCertificate?: string;
	readonly boundProfilePackage?: string;
	readonly iccid?: string;
	readonly eid?: string;
	readonly matchingId?: string;
	readonly smdpAddress?: string;
	readonly smdsAddress?: string;
	readonly eventEntries?: readonly { readonly eventId: string; readonly rspServerAddress: string }[];
}

/** One POST to a handler, without any network. */
export async function post(
	handler: HttpHandler,
	path: string,
	body: unknown,
	headers: Record<string, string> = { "content-type": "application/json" },
): Promise<{ status: number; text: string; bytes: Uint8Array; headers: Readonly<Record<string, string>> }> {
	const bytes =
		body instanceof Uint8Array
			? body
			: new TextEncoder().encode(typeof body === "string" ? body : JSON.stringify(body));
	const { signal } = new AbortController();
	const response = await handler({ method: "POST", path, headers, body: bytes, remoteAddress: "127.0.0.1", signal });
	const sent = response.body ?? "";
	if (typeof sent !== "string" && !(sent instanceof Uint8Array)) throw new Error("a whole body was expected");
	const whole = typeof sent === "string" ? new TextEncoder().encode(sent) : sent;
	return {
		status: response.status,
		text: new TextDecoder().decode(whole),
		bytes: whole,
		headers: response.headers ?? {},
	};
}

export async function get(
	handler: HttpHandler,
	path: string,
): Promise<{ status: number; text: string; bytes: Uint8Array }> {
	const { signal } = new AbortController();
	const request = { method: "GET", path, headers: {}, body: new Uint8Array(0), remoteAddress: "127.0.0.1", signal };
	const { status, body = "" } = await handler(request);
	if (typeof body !== "string" && !(body instanceof Uint8Array)) throw new Error("a whole body was expected");
	const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
	return { status, text: new TextDecoder().decode(bytes), bytes };
}

export interface Card {
	readonly eid: string;
	readonly certificate: Uint8Array;
	readonly privateKey: KeyObject;
}

export interface AuthenticationOptions {
	readonly card?: Card;
	readonly matchingId?: string;
	/** The server's address, also of an SM-DS. */
	readonly smdpAddress?: string;
	readonly info2?: Partial<EUICCInfo2>;
	/** Applied to what the eUICC signs. */
	readonly tamperSigned1?: (signed: EuiccSigned1) => EuiccSigned1;
	readonly eumCertificate?: Uint8Array;
}

/** An eUICC of a test PKI, speaking what ES9+ and ES11 have in common, in JSON, to a handler. */
export class RspClient {
	readonly #handler: HttpHandler;
	protected readonly pki: TestPki;

	constructor(handler: HttpHandler, pki: TestPki) {
		this.#handler = handler;
		this.pki = pki;
	}

	get card(): Card {
		return { eid: this.pki.eid, ...this.pki.euicc };
	}

	async call(name: string, body: unknown): Promise<Answer> {
		const { status, text } = await post(this.#handler, `/gsma/rsp2/es9plus/${name}`, body);
		if (status === 204) return { header: { functionExecutionStatus: { status: "Executed-Success" } } };
		if (status !== 200 && status !== 400) throw new Error(`status ${status}: ${text}`);
		return JSON.parse(text) as Answer;
	}

	info1(): EUICCInfo1 {
		const id = parseCertificate(this.pki.ci.certificate).subjectKeyIdentifier ?? new Uint8Array(0);
		return {
			svn: Uint8Array.of(2, 5, 0),
			euiccCiPKIdListForVerification: [id],
			euiccCiPKIdListForSigning: [id],
		};
	}

	async initiate(options: AuthenticationOptions = {}): Promise<Answer> {
		return this.call("initiateAuthentication", {
			euiccChallenge: toBase64(new Uint8Array(16).fill(7)),
			euiccInfo1: toBase64(encode(EUICCInfo1, this.info1())),
			smdpAddress: options.smdpAddress ?? "smdp.example.com",
		});
	}

	/** BF38 in answer to InitiateAuthentication. */
	authenticateServerResponse(initiated: Answer, options: AuthenticationOptions = {}): Uint8Array {
		const card = options.card ?? this.card;
		const serverSigned1 = decode(ServerSigned1, fromBase64(initiated.serverSigned1 ?? ""));
		const signed: EuiccSigned1 = {
			transactionId: serverSigned1.transactionId,
			serverAddress: serverSigned1.serverAddress,
			serverChallenge: serverSigned1.serverChallenge,
			euiccInfo2: { ...this.info2(), ...options.info2 },
			ctxParams1: {
				ctxParamsForCommonAuthentication: {
					...(options.matchingId === undefined ? {} : { matchingId: options.matchingId }),
					deviceInfo: { tac: fromHex("35290611"), deviceCapabilities: {} },
				},
			},
		};
		const euiccSigned1 = keep(EuiccSigned1, options.tamperSigned1?.(signed) ?? signed);
		return encode(AuthenticateServerResponse, {
			authenticateResponseOk: {
				euiccSigned1,
				euiccSignature1: signRaw(card.privateKey, euiccSigned1.der),
				euiccCertificate: card.certificate,
				eumCertificate: options.eumCertificate ?? this.pki.eum.certificate,
			},
		});
	}

	info2(): EUICCInfo2 {
		return {
			...this.info1(),
			profileVersion: Uint8Array.of(2, 3, 1),
			euiccFirmwareVer: Uint8Array.of(1, 0, 0),
			extCardResource: fromHex("81010082040010000083022710"),
			uiccCapability: "0",
			rspCapability: "0",
			ppVersion: Uint8Array.of(0, 0, 1),
			sasAcreditationNumber: "TEST",
		};
	}

	async authenticate(initiated: Answer, options: AuthenticationOptions = {}): Promise<Answer> {
		return this.call("authenticateClient", {
			transactionId: initiated.transactionId,
			authenticateServerResponse: toBase64(this.authenticateServerResponse(initiated, options)),
		});
	}
}

export function isRefused(answer: Answer): boolean {
	return answer.header.functionExecutionStatus.status !== "Executed-Success";
}

/** "subject/reason" of a refusal, "ok" otherwise. */
export function codeOf({ header }: Answer): string {
	const data = header.functionExecutionStatus.statusCodeData;
	return data === undefined ? "ok" : `${data.subjectCode}/${data.reasonCode}`;
}
