/** What the messages between an IPA and our eIM have in them, whichever form brought them: noted for claims about it. */

import { Asn1Error } from "@iot-esim/shared/asn1/errors";
import { decode } from "@iot-esim/shared/asn1/schema";
import { readTlv, readTlvs, tlvBytes } from "@iot-esim/shared/asn1/tlv-reader";
import { EsipaMessageFromEimToIpa, EsipaMessageFromIpaToEim } from "@iot-esim/shared/messages/sgp32/esipa";
import { EUICCInfo2 } from "@iot-esim/shared/messages/sgp32/euicc-info";
import type { Binding, Side } from "./functions.ts";
import { memoryOfThisTest, observe } from "./observation.ts";

const PACKAGES = "eIM packages";
const COMPACT = "Compact messages";
const BOTH: readonly Side[] = ["eIM", "IPA"];

/** From now on the IPA of this test is in the card. */
export function noteIpae(): void {
	memoryOfThisTest().set("is IPAe", true);
}

/** One exchange at the eIM's functions, in ASN.1. */
export function observeMessages(request: Uint8Array, answer: Uint8Array | null): void {
	const memory = memoryOfThisTest();
	const binding = (memory.get("binding") ?? "asn1") as Binding;
	const asked = decoded(EsipaMessageFromIpaToEim, request);
	const answered = answer === null ? undefined : decoded(EsipaMessageFromEimToIpa, answer);
	const note = (name: string, one: string) => observe({ interface: name, function: one, binding, sides: BOTH });
	const noteIpaeAs = (one: string) => {
		if (memory.has("is IPAe")) observe({ interface: "IPAe", function: one, binding: "", sides: ["eUICC"] });
	};
	notePackage(answered, memory, (one) => note(PACKAGES, one));
	noteResult(asked, memory, (one) => note(PACKAGES, one));
	noteCompact(
		asked,
		(one) => note(COMPACT, one),
		() => note(PACKAGES, "compact messages"),
	);
	noteDownload(asked, memory, (way, form) => {
		note(PACKAGES, `${way} download ${form}`);
		noteIpaeAs(`${way} download`);
	});
	if (hasKey(asked, "euiccPackageResultSigned")) noteIpaeAs("poll and package");
	if (hasKey(asked, "rollbackResult")) noteIpaeAs("rollback");
	noteVersion(request);
}

type Memory = Map<string, unknown>;

/** What the eIM gives: packages with several commands, requests for data, triggers. */
function notePackage(answered: unknown, memory: Memory, note: (one: string) => void): void {
	const commands = memberOf(answered, "psmoList") ?? memberOf(answered, "ecoList");
	if (Array.isArray(commands) && commands.length > 1) note("several commands in one package");
	if (hasKey(answered, "ipaEuiccDataRequest")) memory.set("data asked for", true);
	if (!hasKey(answered, "profileDownloadTriggerRequest")) return;
	const forms = { contactDefaultSmdp: "from the default SM-DP+", contactSmds: "by SM-DS" };
	const [, form] = Object.entries(forms).find(([key]) => hasKey(answered, key)) ?? [];
	// With an activation code, or with nothing where the eIM keeps what stands in it.
	memory.set("trigger", form ?? "by activation code");
	memory.delete("session with the eIM");
}

/** What the device gives: results, errors, its data, news of its own. */
function noteResult(asked: unknown, memory: Memory, note: (one: string) => void): void {
	if (hasKey(asked, "notifyStateChange")) note("notifyStateChange");
	if (hasKey(asked, "ipaEuiccDataResponse") && memory.has("data asked for")) note("IpaEuiccDataRequest");
	if (hasKey(asked, "euiccPackageErrorSigned")) note("signed error");
	if (hasKey(asked, "euiccPackageErrorUnsigned")) note("unsigned error");
	if (hasKey(asked, "rollbackResult")) note("rollbackResult");
	const results = memberOf(asked, "euiccResult");
	if (!Array.isArray(results)) return;
	const isTerminated = results.some((one) => hasKey(one, "processingTerminated"));
	if (isTerminated) note("processingTerminated");
	if (isTerminated && results.length > 1) note("partial results");
	const eimId = memberOf(asked, "eimId");
	if (results.some((one) => hasKey(one, "addEimResult"))) memory.set("added by", eimId);
	const adder = memory.get("added by");
	const isRemoved = results.some((one) => hasKey(one, "deleteEimResult"));
	if (isRemoved && adder !== undefined && adder !== eimId) note("hand-over to another eIM");
	if (memory.has("updated")) note("eIM key roll-over");
	if (results.some((one) => hasKey(one, "updateEimResult"))) memory.set("updated", true);
}

const COMPACT_FORMS: readonly (readonly [message: string, compact: RegExp, row: string])[] = [
	["authenticateClientRequestEsipa", /^compactAuthenticateResponseOk$/, "AuthenticateClient"],
	["getBoundProfilePackageRequestEsipa", /^compact/, "GetBoundProfilePackage"],
	["cancelSessionRequestEsipa", /^compactCancelSessionResponseOk$/, "CancelSession"],
	["handleNotificationEsipa", /^compact/, "HandleNotification"],
	["provideEimPackageResult", /^compact/, "ProvideEimPackageResult with notifications"],
];

function noteCompact(asked: unknown, note: (one: string) => void, any: () => void): void {
	for (const [message, compact, row] of COMPACT_FORMS) {
		if (!hasKey(asked, message) || !keysOf(asked).some((key) => compact.test(key))) continue;
		note(row);
		any();
	}
}

/** A profile that is installed: through the eIM when the session went over it, else directly. */
function noteDownload(asked: unknown, memory: Memory, note: (way: string, form: string) => void): void {
	if (hasKey(asked, "initiateAuthenticationRequestEsipa")) memory.set("session with the eIM", true);
	const form = memory.get("trigger");
	const isInstalled = keysOf(asked).some((key) => /^(compactP|p)rofileInstallationResult$/.test(key));
	if (typeof form !== "string" || !isInstalled) return;
	note(memory.has("session with the eIM") ? "indirect" : "direct", form);
}

/** The version of SGP.32 that the card says in its EUICCInfo2; that of 1.0 shows in the form of results. */
function noteVersion(request: Uint8Array): void {
	const der = findTlv(request, 0xbf22);
	const info = der === undefined ? undefined : decoded(EUICCInfo2, der);
	const rows: Readonly<Record<string, string>> = { "1.1": "v1.1 (unproven)", "1.2": "v1.2", "1.3": "v1.3 (unproven)" };
	for (const [major = 0, minor = 0] of info?.iotSpecificInfo?.iotVersion ?? []) {
		const row = rows[`${major}.${minor}`];
		if (row !== undefined) observe({ interface: "Dialects", function: row, binding: "", sides: BOTH });
	}
}

function decoded<T>(schema: Parameters<typeof decode<T>>[0], octets: Uint8Array): T | undefined {
	try {
		return decode(schema, octets);
	} catch {
		// Of another dialect, or damaged by a test: nothing to be claimed of it.
		return undefined;
	}
}

/** The value of the first member of that name, however deep. */
function memberOf(value: unknown, name: string): unknown {
	if (typeof value !== "object" || value === null || value instanceof Uint8Array) return undefined;
	for (const [key, member] of Object.entries(value)) {
		if (key === name) return member;
		const inside = memberOf(member, name);
		if (inside !== undefined) return inside;
	}
	return undefined;
}

function keysOf(value: unknown): string[] {
	if (typeof value !== "object" || value === null || value instanceof Uint8Array) return [];
	return Object.entries(value).flatMap(([key, member]) => [key, ...keysOf(member)]);
}

const hasKey = (value: unknown, name: string): boolean => keysOf(value).includes(name);

/** A TLV however deep; none in what cannot be read, as tests send it. */
function findTlv(octets: Uint8Array, tag: number): Uint8Array | undefined {
	try {
		return tlvWithin(octets, tag);
	} catch (error) {
		if (error instanceof Asn1Error) return undefined;
		throw error;
	}
}

function tlvWithin(octets: Uint8Array, tag: number): Uint8Array | undefined {
	const one = readTlv(octets, 0);
	if (one.tag === tag) return octets.subarray(0, one.end);
	const first = octets[0] ?? 0;
	if ((first & 0x20) === 0) return undefined;
	const contents = octets.subarray(one.valueStart, one.end);
	for (const member of readTlvs(contents)) {
		const found = tlvWithin(tlvBytes(contents, member), tag);
		if (found !== undefined) return found;
	}
	return undefined;
}
