import { findTlv, readTlvs, readWholeTlv, type Tlv, tlvBytes, tlvValue } from "@iot-esim/shared/asn1/tlv-reader";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { equalBytes, fromBase64, fromHex, toBase64, toHex, utf8 } from "@iot-esim/shared/util/bytes";
import { invalidAnswer } from "./errors.ts";
import type { Es9PlusAnswer, Es9PlusLink } from "./es9plus-link.ts";
import type { Post } from "./http.ts";
import { statusWords } from "./refusal-words.ts";

type JsonObject = Readonly<Record<string, unknown>>;

/** How a member stands in JSON: hex or text of its contents, base64 of its contents or of the whole TLV. */
type Form = "hex" | "text" | "contents" | "whole";

interface Member {
	readonly name: string;
	readonly tag: number;
	readonly form: Form;
	/** The tag that the member has in JSON, where ASN.1 replaces it. */
	readonly ownTag?: number;
}

interface JsonFunction {
	/** Last part of the path; ES11 uses the paths of ES9+ (SGP.22 §6.5.2). */
	readonly path: string;
	readonly request: readonly Member[];
	readonly response: readonly Member[];
}

const TRANSACTION_ID: Member = { name: "transactionId", tag: 0x80, form: "hex" };
const CONTENT_TYPE = "application/json;charset=UTF-8";
const AUTHENTICATE_CLIENT_ES11 = 0xbf40;
const HANDLE_NOTIFICATION = 0xbf3d;
const CANCEL_SESSION = 0xbf41;

/** Members in the order of the ASN.1 module, by the tag of the function. */
const FUNCTIONS: ReadonlyMap<number, JsonFunction> = new Map([
	[
		0xbf39,
		{
			path: "initiateAuthentication",
			request: [
				{ name: "euiccChallenge", tag: 0x81, form: "contents" },
				{ name: "smdpAddress", tag: 0x83, form: "text" },
				{ name: "euiccInfo1", tag: 0xbf20, form: "whole" },
			],
			response: [
				TRANSACTION_ID,
				{ name: "serverSigned1", tag: 0x30, form: "whole" },
				{ name: "serverSignature1", tag: 0x5f37, form: "contents" },
				{ name: "euiccCiPKIdToBeUsed", tag: 0x04, form: "contents" },
				{ name: "serverCertificate", tag: 0x30, form: "whole" },
			],
		},
	],
	[
		0xbf3b,
		{
			path: "authenticateClient",
			request: [TRANSACTION_ID, { name: "authenticateServerResponse", tag: 0xbf38, form: "whole" }],
			response: [
				TRANSACTION_ID,
				{ name: "profileMetadata", tag: 0xbf25, form: "whole" },
				{ name: "smdpSigned2", tag: 0x30, form: "whole" },
				{ name: "smdpSignature2", tag: 0x5f37, form: "contents" },
				{ name: "smdpCertificate", tag: 0x30, form: "whole" },
			],
		},
	],
	[
		0xbf3a,
		{
			path: "getBoundProfilePackage",
			request: [TRANSACTION_ID, { name: "prepareDownloadResponse", tag: 0xbf21, form: "whole" }],
			response: [TRANSACTION_ID, { name: "boundProfilePackage", tag: 0xbf36, form: "whole" }],
		},
	],
	[
		CANCEL_SESSION,
		{
			path: "cancelSession",
			request: [TRANSACTION_ID, { name: "cancelSessionResponse", tag: 0xa1, form: "whole", ownTag: CANCEL_SESSION }],
			response: [],
		},
	],
	[
		HANDLE_NOTIFICATION,
		{
			path: "handleNotification",
			request: [{ name: "pendingNotification", tag: 0xa0, form: "contents" }],
			response: [],
		},
	],
] as const);

/**
 * ES9+ and ES11 in JSON (SGP.22 §6.5). The messages of the ASN.1 binding are written as JSON member by member, and
 * answers become the ASN.1 message again, so that one reader serves both. Headers that servers put around signatures
 * and key identifiers are looked through.
 */
export function jsonBinding(
	options: { readonly post: Post; readonly requester: string; readonly newCallId: () => string },
	close: () => void = () => undefined,
): Es9PlusLink {
	return {
		async exchange(address, message, signal) {
			const { tag } = readWholeTlv(message);
			const called = FUNCTIONS.get(tag);
			if (called === undefined) throw new Error(`no function of ES9+ has the tag ${tag.toString(16)}`);
			const header = {
				functionRequesterIdentifier: options.requester,
				functionCallIdentifier: options.newCallId(),
			};
			const body = utf8(JSON.stringify({ header, ...written(message, called.request) }));
			const path = `/gsma/rsp2/es9plus/${called.path}`;
			const answer = await options.post(address, path, CONTENT_TYPE, body, signal);
			if (tag === HANDLE_NOTIFICATION) return { ok: new Uint8Array(0) };
			return read(tag, called, parse(answer));
		},
		close,
	};
}

function written(message: Uint8Array, members: readonly Member[]): JsonObject {
	const whole = readWholeTlv(message);
	const tlvs = readTlvs(message, whole.valueStart, whole.end);
	const json: Record<string, string> = {};
	for (const member of members) {
		const found = findTlv(tlvs, member.tag);
		if (found !== undefined) json[member.name] = writtenMember(message, found, member);
	}
	return json;
}

function writtenMember(message: Uint8Array, found: Tlv, { form, ownTag }: Member): string {
	const contents = tlvValue(message, found);
	switch (form) {
		case "hex":
			return toHex(contents);
		case "text":
			return new TextDecoder().decode(contents);
		case "contents":
			return toBase64(contents);
		case "whole":
			return toBase64(ownTag === undefined ? tlvBytes(message, found) : tlv(ownTag, contents));
	}
}

function read(tag: number, called: JsonFunction, answer: JsonObject): Es9PlusAnswer<Uint8Array> {
	const header = objectOr(answer.header);
	const execution = objectOr(header.functionExecutionStatus);
	const { status } = execution;
	// Servers that leave the status out but give the data count as successful.
	if (status !== undefined && status !== "Executed-Success" && status !== "Executed-WithWarning") {
		return { refused: statusWords(objectOr(execution.statusCodeData)) };
	}
	const ok = (functionTag: number, members: readonly Uint8Array[]) => ({ ok: tlv(functionTag, tlv(0xa0, ...members)) });
	if (Array.isArray(answer.eventEntries)) {
		const events = tlv(0xa1, ...answer.eventEntries.map(eventEntry));
		return ok(AUTHENTICATE_CLIENT_ES11, [readMember(answer, TRANSACTION_ID), events]);
	}
	return ok(
		tag,
		called.response.map((member) => readMember(answer, member)),
	);
}

function eventEntry(entry: unknown): Uint8Array {
	const { eventId, rspServerAddress } = objectOr(entry);
	if (typeof eventId !== "string" || typeof rspServerAddress !== "string") {
		throw invalidAnswer("has an event without eventId or rspServerAddress");
	}
	return tlv(0x30, tlv(0x80, utf8(eventId)), tlv(0x81, utf8(rspServerAddress)));
}

function readMember(answer: JsonObject, { name, tag, form }: Member): Uint8Array {
	const text = answer[name];
	if (typeof text !== "string") throw invalidAnswer(`has no ${name}`);
	try {
		if (form === "hex") return tlv(tag, fromHex(text));
		const octets = fromBase64(text);
		if (form === "contents") return tlv(tag, bareContents(octets, tag));
		if (readWholeTlv(octets).tag === tag) return octets;
	} catch (cause) {
		throw invalidAnswer(`has a ${name} that cannot be read`, cause);
	}
	throw invalidAnswer(`has a ${name} that does not begin with tag ${tag.toString(16).toUpperCase()}`);
}

/** Some servers give the whole TLV where the contents are meant. */
function bareContents(octets: Uint8Array, tag: number): Uint8Array {
	const headerLength = tag > 0xff ? 3 : 2;
	const contents = octets.subarray(headerLength);
	return equalBytes(tlv(tag, contents), octets) ? contents : octets;
}

function parse(body: Uint8Array): JsonObject {
	try {
		const value: unknown = JSON.parse(new TextDecoder().decode(body));
		if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonObject;
	} catch (cause) {
		throw invalidAnswer("is no JSON", cause);
	}
	throw invalidAnswer("is no JSON object");
}

function objectOr(value: unknown): JsonObject {
	return typeof value === "object" && value !== null ? (value as JsonObject) : {};
}
