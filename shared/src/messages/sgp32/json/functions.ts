/**
 * The functions of ESipa in the JSON binding (SGP.32 section 6.4.1) as data: which JSON member stands for which component
 * of which message. Members stand in the order of the module.
 */

import { readTlvs, readWholeTlv } from "../../../asn1/tlv-reader.ts";
import { tlv } from "../../../asn1/tlv-writer.ts";
import { toBase64 } from "../../../util/bytes.ts";
import { componentsFromJson, componentsToJson } from "./components.ts";
import { invalidMember } from "./errors.ts";
import {
	anyTlv,
	bareOctets,
	contentsOf,
	eidDigits,
	type Form,
	hexDigits,
	insideTag,
	insteadOfTag,
	integerNumber,
	type JsonObject,
	type Member,
	plainText,
	presence,
	tlvOf,
	wholeTlv,
} from "./member-form.ts";

/** One alternative of a successful answer: members inside the arm's tag, or right in the message when it has none. */
export interface Arm {
	readonly tag?: number;
	readonly members: readonly Member[];
	/** The transaction alone tells this arm. */
	readonly isToldByTransaction?: boolean;
}

export interface EsipaJsonResponse {
	readonly arms: readonly Arm[];
	/** What an answer without any member stands for, as octets of the message. */
	readonly empty?: Uint8Array;
	/** Tag of the INTEGER that says why the function failed. */
	readonly errorTag: number;
	/** The error as a number in the body: the name that is written, if any, then others that are read. */
	readonly errorNames: { readonly written?: string; readonly read: readonly string[] };
	/** True when the code stands in the body of a function that counts as executed. */
	readonly isErrorExecuted?: boolean;
}

export interface EsipaJsonFunction {
	readonly tag: number;
	readonly request: readonly Member[];
	/** The request is one of its members, not all of them. */
	readonly isRequestChoice?: boolean;
	/** Undefined for a function without an answer. */
	readonly response: EsipaJsonResponse | undefined;
	/** Takes apart what peers put into one member instead of several. */
	readonly normalise?: (json: JsonObject) => JsonObject;
}

const transactionId: Member = { name: "transactionId", tags: [0x80], form: hexDigits };
const eidValue: Member = { name: "eidValue", tags: [0x5a], form: eidDigits };
/** r and s as the signature stands in the module; SGP.22 puts the whole component into JSON. */
const signature = (name: string): Member => ({ name, tags: [0x5f37], form: wholeTlv({ bareLengths: [64] }) });
const certificate = (name: string): Member => ({ name, tags: [0x30], form: wholeTlv() });
/** Arms of what an eUICC answers; the tag around them is sometimes left away. */
const ARMS = [0xa0, 0xa1, 0xa2];

/** A notification: the A0 that stands around it in ASN.1 is not in JSON, unless a peer leaves it there. */
const notification: Form = {
	toJson: (component) => toBase64(contentsOf(component)),
	fromJson: (value, member) => {
		const octets = tlvOf(value, member, [0xbf37, 0x30, 0xa0, 0xa1, 0xbf3d], {});
		const whole = readWholeTlv(octets);
		if (whole.tag === 0xbf3d) return contentsOf(octets);
		// A compact installation result is an A0 as well, but has its signature as a second member.
		const isWrapper = whole.tag === 0xa0 && readTlvs(octets, whole.valueStart, whole.end).length === 1;
		return isWrapper ? octets : tlv(0xa0, octets);
	},
};

const euiccPackageResult = (outer: number): Member => ({
	name: "euiccPackageResult",
	tags: [0xbf51],
	form: wholeTlv({ outer, arms: ARMS }),
});

const ePRAndNotifications: Form = {
	toJson: (component) => componentsToJson(component, resultAndNotifications),
	fromJson: (value, member) => {
		if (typeof value !== "object" || value === null) throw invalidMember(member.name, "an object is expected");
		return tlv(0x30, ...componentsFromJson(value as JsonObject, resultAndNotifications));
	},
};

const resultAndNotifications: readonly Member[] = [
	{ name: "euiccPackageResult", tags: [0xbf51], form: wholeTlv({ arms: ARMS }) },
	{ name: "notificationList", tags: [0xa0], form: insteadOfTag(0x30) },
];

/** BF50 whole where its result alone belongs. */
function withoutProvideTag(json: JsonObject): JsonObject {
	const { eimPackageResult } = json;
	if (typeof eimPackageResult !== "string" || eimPackageResult === "") return json;
	const octets = tlvOf(eimPackageResult, { name: "eimPackageResult", tags: [], form: anyTlv }, undefined, {});
	const whole = readWholeTlv(octets);
	if (whole.tag !== 0xbf50) return json;
	const parts: Record<string, unknown> = {};
	for (const { tag, start, valueStart, end } of readTlvs(octets, whole.valueStart, whole.end)) {
		if (tag === 0x5a) parts.eidValue = eidDigits.toJson(octets.subarray(start, end));
		else if (valueStart <= end) parts.eimPackageResult = toBase64(octets.subarray(start, end));
	}
	return { ...parts, ...json, eimPackageResult: parts.eimPackageResult };
}

const packages = (outer: number): readonly Member[] => [
	{ name: "euiccPackageRequest", tags: [0xbf51], form: wholeTlv({ outer }) },
	{ name: "ipaEuiccDataRequest", tags: [0xbf52], form: wholeTlv({ outer }) },
	{ name: "eimAcknowledgements", tags: [0xbf53], form: wholeTlv({ outer }) },
	{ name: "profileDownloadTriggerRequest", tags: [0xbf54], form: wholeTlv({ outer }) },
];

const withoutAcknowledgements = (members: readonly Member[]) =>
	members.filter(({ name }) => name !== "eimAcknowledgements");

export const ESIPA_JSON_FUNCTIONS = {
	initiateAuthentication: {
		tag: 0xbf39,
		request: [
			{ name: "euiccChallenge", tags: [0x81], form: bareOctets(16) },
			{ name: "smdpAddress", tags: [0x83], form: plainText },
			{ name: "euiccInfo1", tags: [0xbf20], form: wholeTlv() },
			{ name: "eimTransactionId", tags: [0x82], form: hexDigits },
		],
		response: {
			arms: [
				{
					tag: 0xa0,
					members: [
						transactionId,
						certificate("serverSigned1"),
						signature("serverSignature1"),
						{
							name: "euiccCiPKIdentifierToBeUsed",
							alsoNamed: ["euiccCiPKIdToBeUsed"],
							tags: [0x04],
							// Key identifiers have 20 octets, of which an eIM may send the first alone.
							form: wholeTlv({ bareLengths: [20, 8, 4] }),
						},
						certificate("serverCertificate"),
						{ name: "matchingId", tags: [0x0c], form: plainText },
						{ name: "ctxParams1", tags: [0xa2], form: insideTag([0xa0]) },
					],
				},
			],
			errorTag: 0x81,
			errorNames: { read: ["initiateAuthenticationErrorEsipa"] },
		},
	},
	authenticateClient: {
		tag: 0xbf3b,
		request: [
			transactionId,
			{ name: "authenticateServerResponse", tags: [0xbf38], form: wholeTlv({ arms: ARMS, outer: 0xbf3b }) },
		],
		response: {
			arms: [
				{
					tag: 0xa0,
					members: [
						transactionId,
						{ name: "profileMetadata", alsoNamed: ["profileMetaData"], tags: [0xbf25], form: wholeTlv() },
						certificate("smdpSigned2"),
						signature("smdpSignature2"),
						certificate("smdpCertificate"),
						{ name: "hashCc", tags: [0x04], form: wholeTlv({ bareLengths: [32] }) },
					],
				},
				{
					tag: 0xa1,
					isToldByTransaction: true,
					members: [transactionId, { name: "profileDownloadTrigger", tags: [0xbf54], form: wholeTlv() }],
				},
			],
			errorTag: 0x82,
			errorNames: { read: ["authenticateClientErrorEsipa"] },
		},
	},
	getBoundProfilePackage: {
		tag: 0xbf3a,
		request: [
			transactionId,
			{ name: "prepareDownloadResponse", tags: [0xbf21], form: wholeTlv({ arms: ARMS, outer: 0xbf3a }) },
		],
		response: {
			arms: [
				{
					tag: 0xa0,
					members: [transactionId, { name: "boundProfilePackage", tags: [0xbf36], form: wholeTlv() }],
				},
			],
			errorTag: 0x81,
			errorNames: { read: ["getBoundProfilePackageErrorEsipa"] },
		},
	},
	transferEimPackage: {
		tag: 0xbf4e,
		request: packages(0xbf4e),
		isRequestChoice: true,
		response: {
			arms: [
				{
					members: [
						euiccPackageResult(0xbf4e),
						{ name: "ePRAndNotifications", tags: [0x30], form: ePRAndNotifications },
						{ name: "ipaEuiccDataResponse", tags: [0xbf52], form: wholeTlv({ outer: 0xbf4e, arms: [0xa0, 0xa1] }) },
					],
				},
			],
			empty: Uint8Array.of(0x05, 0x00),
			errorTag: 0x02,
			errorNames: { written: "eimPackageError", read: ["eimPackageError"] },
			isErrorExecuted: true,
		},
	},
	getEimPackage: {
		tag: 0xbf4f,
		request: [
			eidValue,
			{ name: "notifyStateChange", tags: [0x80], form: presence },
			{ name: "stateChangeCause", tags: [0x81], form: integerNumber },
			{ name: "rPlmn", alsoNamed: ["rPLMN"], tags: [0x82], form: bareOctets(3) },
		],
		response: {
			arms: [{ members: withoutAcknowledgements(packages(0xbf4f)) }],
			errorTag: 0x02,
			errorNames: { written: "eimPackageError", read: ["eimPackageError"] },
		},
	},
	provideEimPackageResult: {
		tag: 0xbf50,
		request: [eidValue, { name: "eimPackageResult", tags: [], form: anyTlv }],
		response: {
			arms: [{ members: [{ name: "eimAcknowledgements", tags: [0xbf53], form: wholeTlv({ outer: 0xbf50 }) }] }],
			empty: Uint8Array.of(0x30, 0x00),
			errorTag: 0x02,
			errorNames: { read: ["provideEimPackageResultError", "eimPackageError"] },
		},
		normalise: withoutProvideTag,
	},
	handleNotification: {
		tag: 0xbf3d,
		request: [
			{ name: "pendingNotification", tags: [0xa0], form: notification },
			{
				name: "provideEimPackageResult",
				tags: [0xbf50],
				form: wholeTlv({ arms: [0xbf51, 0xbf52, 0xbf54, 0x30, 0xa0], outer: 0xbf3d }),
			},
		],
		isRequestChoice: true,
		response: undefined,
	},
	cancelSession: {
		tag: 0xbf41,
		request: [transactionId, { name: "cancelSessionResponse", tags: [0xa1], form: insteadOfTag(0xbf41) }],
		response: {
			arms: [{ tag: 0xa0, members: [] }],
			empty: Uint8Array.of(0xa0, 0x00),
			errorTag: 0x81,
			errorNames: { read: ["cancelSessionError"] },
		},
	},
} as const satisfies Readonly<Record<string, EsipaJsonFunction>>;

/** Name of a function of ESipa, as it stands in the path of the JSON binding. */
export type EsipaFunctionName = keyof typeof ESIPA_JSON_FUNCTIONS;
