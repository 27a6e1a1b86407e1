/**
 * What parts have really said to each other in the test that runs: benches note it here, and a claim of something that
 * was not seen does not count.
 */

import { decode } from "@iot-esim/shared/asn1/schema";
import { readTlv } from "@iot-esim/shared/asn1/tlv-reader";
import { EuiccPackageRequest } from "@iot-esim/shared/messages/sgp32/euicc-package";
import type { HttpHandler } from "@iot-esim/shared/transport/http/server";
import { concatBytes } from "@iot-esim/shared/util/bytes";
import { expect } from "vitest";
import type { Binding, Side } from "./functions.ts";

export interface Observation {
	readonly interface: string;
	readonly function: string;
	readonly binding: Binding;
	/** Who had a part in it. */
	readonly sides: readonly Side[];
}

let seenIn: string | undefined;
const seen = new Set<string>();
const memory = new Map<string, unknown>();

const keyOf = (one: Omit<Observation, "sides">, side: Side) =>
	[one.interface, one.function, one.binding, side].join("\t");

/** Tests of a file run one after the other; what an earlier one saw counts for nothing in the next. */
function ofThisTest(): Set<string> {
	const { currentTestName = "" } = expect.getState();
	if (currentTestName !== seenIn) {
		seen.clear();
		memory.clear();
	}
	seenIn = currentTestName;
	return seen;
}

/** What has to be remembered from one message to the next; as `seen`, of the running test alone. */
export function memoryOfThisTest(): Map<string, unknown> {
	ofThisTest();
	return memory;
}

export function observe(observation: Observation): void {
	for (const side of observation.sides) ofThisTest().add(keyOf(observation, side));
}

/** Whether the running test has seen this of one side. */
export function wasSeen(one: Omit<Observation, "sides">, side: Side): boolean {
	return ofThisTest().has(keyOf(one, side));
}

/** What the running test has seen, for the message of a claim that goes beyond it. */
export const allSeen = (): string[] => [...ofThisTest()].sort();

const pascalCase = (name: string) => name.charAt(0).toUpperCase() + name.slice(1);

const tagAt = (octets: Uint8Array) => ((octets[0] ?? 0) << 8) | (octets[1] ?? 0);

const FUNCTION_OF_TAG: ReadonlyMap<number, string> = new Map([
	[0xbf39, "InitiateAuthentication"],
	[0xbf3a, "GetBoundProfilePackage"],
	[0xbf3b, "AuthenticateClient"],
	[0xbf3d, "HandleNotification"],
	[0xbf41, "CancelSession"],
	[0xbf4e, "TransferEimPackage"],
	[0xbf4f, "GetEimPackage"],
	[0xbf50, "ProvideEimPackageResult"],
]);

/** A request of ESipa over HTTP that was answered. */
export function observeEsipa(path: string, body: Uint8Array, sides: readonly Side[] = ["eIM", "IPA"]): void {
	const isJson = path.startsWith("/gsma/rsp2/esipa/");
	const name = isJson ? pascalCase(path.slice("/gsma/rsp2/esipa/".length)) : FUNCTION_OF_TAG.get(tagAt(body));
	if (name === undefined) return;
	const binding = isJson ? "json" : "asn1";
	memoryOfThisTest().set("binding", binding);
	observe({ interface: "ESipa", function: name, binding, sides });
	// From version 1.1 on a result begins with the EID.
	const isOfVersion10 = !isJson && name === "ProvideEimPackageResult" && body[readTlv(body, 0).valueStart] !== 0x5a;
	if (isOfVersion10) observe({ interface: "Dialects", function: "v1.0.1", binding: "", sides });
}

type Server = "SM-DP+" | "SM-DS";

/**
 * A request of ES9+, ES11, ES2+, ES12 or ES15 that a server was sent.
 * @param caller who sent it in ES9+ and ES11
 */
export function observeServer(server: Server, caller: Side | undefined, path: string, body: Uint8Array): void {
	const [, , , place = "", name = ""] = path.split("/");
	const rsp = server === "SM-DS" ? "ES11" : "ES9+";
	const sides: readonly Side[] = caller === undefined ? [server] : [caller, server];
	if (place === "es9plus") observe({ interface: rsp, function: pascalCase(name), binding: "json", sides });
	if (place === "es12") {
		observe({ interface: "ES12", function: pascalCase(name), binding: "json", sides: ["SM-DP+", "SM-DS"] });
	}
	if (place === "es15") observe({ interface: "ES15", function: pascalCase(name), binding: "json", sides: ["SM-DS"] });
	if (place === "es2plus")
		observe({ interface: "ES2+", function: pascalCase(name), binding: "json", sides: ["SM-DP+"] });
	if (place !== "asn1" || body[0] !== 0xa2) return;
	const inner = FUNCTION_OF_TAG.get(tagAt(body.subarray(readTlv(body, 0).valueStart)));
	if (inner !== undefined) observe({ interface: rsp, function: inner, binding: "asn1", sides });
}

/** A server whose requests are noted. */
export function observedServer(server: Server, caller: Side | undefined, handler: HttpHandler): HttpHandler {
	return (request) => {
		const { body } = request;
		observeServer(server, caller, request.path, body);
		return handler(request);
	};
}

const ES10 = "ES10a, ES10b, ES10c";
const ES10_OF_SGP22 = "ES10 of SGP.22, without an eIM";
const ONLY_SGP22: ReadonlySet<string> = new Set(["SetNickname", "EnableProfile", "DisableProfile", "DeleteProfile"]);

const ES10_OF_TAG: ReadonlyMap<number, string> = new Map([
	[0xbf20, "GetEUICCInfo"],
	[0xbf21, "PrepareDownload"],
	[0xbf22, "GetEUICCInfo"],
	[0xbf28, "ListNotification"],
	[0xbf29, "SetNickname"],
	[0xbf2b, "RetrieveNotificationsList"],
	[0xbf2d, "GetProfilesInfo"],
	[0xbf2e, "GetEUICCChallenge"],
	[0xbf30, "NotificationSent"],
	[0xbf31, "EnableProfile"],
	[0xbf32, "DisableProfile"],
	[0xbf33, "DeleteProfile"],
	[0xbf34, "eUICCMemoryReset"],
	[0xbf35, "LoadCRL"],
	[0xbf36, "LoadBoundProfilePackage"],
	[0xbf38, "AuthenticateServer"],
	[0xbf3c, "GetEuiccConfiguredAddresses"],
	[0xbf3e, "GetEID"],
	[0xbf3f, "SetDefaultDpAddress"],
	[0xbf41, "CancelSession"],
	[0xbf42, "IpaeActivation"],
	[0xbf43, "GetRAT"],
	[0xbf51, "LoadEuiccPackage"],
	[0xbf55, "GetEimConfigurationData"],
	[0xbf56, "GetCerts"],
	[0xbf57, "AddInitialEim"],
	[0xbf58, "ProfileRollback"],
	[0xbf59, "ConfigureImmediateProfileEnabling"],
	[0xbf5a, "ImmediateEnable"],
	[0xbf5b, "EnableEmergencyProfile"],
	[0xbf5c, "DisableEmergencyProfile"],
	[0xbf5d, "ExecuteFallbackMechanism"],
	[0xbf5e, "ReturnFromFallback"],
	[0xbf5f, "GetConnectivityParameters"],
	[0xbf64, "eUICCMemoryReset"],
	[0xbf65, "SetDefaultDpAddress"],
]);

/** The functions of a signed package, as the card got it, in the bindings that ESipa was seen in. */
function observeCommands(octets: Uint8Array, sides: readonly Side[]): void {
	let request: EuiccPackageRequest;
	try {
		request = decode(EuiccPackageRequest, octets);
	} catch {
		// A test that damages packages: nothing to be claimed of this one.
		return;
	}
	const { euiccPackage } = request.euiccPackageSigned.value;
	const commands = "psmoList" in euiccPackage ? euiccPackage.psmoList : euiccPackage.ecoList;
	const name = "psmoList" in euiccPackage ? "ESep PSMO" : "ESep eCO";
	const through = (["asn1", "json"] as const).filter((binding) =>
		["GetEimPackage", "TransferEimPackage"].some((one) =>
			wasSeen({ interface: "ESipa", function: one, binding }, "eIM"),
		),
	);
	for (const command of commands) {
		for (const one of namesOf(command)) {
			for (const binding of through) {
				observe({ interface: name, function: one, binding, sides: ["eIM", ...sides] });
			}
		}
	}
}

function namesOf(command: object): string[] {
	const [[name, value] = ["", undefined]] = Object.entries(command);
	if (name === "enable" && "rollbackFlag" in (value as object)) return [name, "enable with rollback"];
	if (name === "listProfileInfo" && "searchCriteria" in (value as object)) {
		return [name, "listProfileInfo with search and tag list"];
	}
	return [name];
}

/**
 * Notes what an APDU asks of a card, STORE DATA put together per channel.
 * @param sides who takes part: the card, and the IPA where it is the one who asks
 */
export function apduObserver(sides: readonly Side[] = ["IPA", "eUICC"]): (apdu: Uint8Array) => void {
	const parts = new Map<number, Uint8Array>();
	return (apdu) => {
		const [cla = 0, ins, p1 = 0, p2 = 0] = apdu;
		if (ins !== 0xe2 || (cla & 0x80) === 0) return;
		const block = apdu.subarray(5);
		const tag = tagAt(block);
		const name = p2 === 0 ? ES10_OF_TAG.get(tag) : undefined;
		if (name !== undefined) {
			const isOnlySgp22 = ONLY_SGP22.has(name);
			observe({ interface: isOnlySgp22 ? ES10_OF_SGP22 : ES10, function: name, binding: "", sides });
		}
		const whole = p2 === 0 ? block : concatBytes(parts.get(cla) ?? new Uint8Array(0), block);
		parts.set(cla, whole);
		if ((p1 & 0x80) !== 0 && tagAt(whole) === 0xbf51) observeCommands(withoutLe(whole), sides);
	};
}

/** A case 4 command may end with Le. */
function withoutLe(octets: Uint8Array): Uint8Array {
	return octets.subarray(0, readTlv(octets, 0).end);
}

interface ObservableCard {
	readonly transmit: (apdu: Uint8Array) => Promise<Uint8Array>;
}

/** A card whose commands are noted; every other member is the card's own. */
export function observedCard<C extends ObservableCard>(card: C, sides?: readonly Side[]): C {
	const note = apduObserver(sides);
	return new Proxy(card, {
		get(target, member) {
			const value: unknown = Reflect.get(target, member, target);
			if (typeof value !== "function") return value;
			const bound = value.bind(target) as (...args: readonly unknown[]) => unknown;
			if (member !== "transmit") return bound;
			return (apdu: Uint8Array) => {
				note(apdu);
				return bound(apdu);
			};
		},
	});
}

/** Notes what a server of a bench is sent from now on. */
export function watchServer(server: Server, bench: { readonly handle: HttpHandler }, caller?: Side): void {
	Object.assign(bench, { handle: observedServer(server, caller, bench.handle) });
}

/** The public face of an eIM whose requests are noted, for benches with real sockets in between. */
export function observedEim(face: HttpHandler, sides?: readonly Side[]): HttpHandler {
	return (request) => {
		const { body } = request;
		observeEsipa(request.path, body, sides);
		return face(request);
	};
}
