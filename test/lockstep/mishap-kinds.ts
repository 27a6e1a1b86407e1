/** What may go wrong in a procedure, played on a scene of it. */

import { readTlvs, readWholeTlv, tlvBytes } from "@iot-esim/shared/asn1/tlv-reader";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { Eid } from "@iot-esim/shared/ids/eid";
import { TransportError } from "@iot-esim/shared/transport/errors";
import type { HttpHandler } from "@iot-esim/shared/transport/http/server";
import { toHex } from "@iot-esim/shared/util/bytes";
import { Days, Minutes } from "@iot-esim/shared/util/duration";
import type { TestPki } from "@iot-esim/sim/pki/test-pki";
import { expect } from "vitest";
import { BOOTSTRAP_ICCID, OTHER_ICCID, SMDP_ADDRESS } from "../procedures/ipa-rooms-bench.ts";
import { EIM_ID, esipaBench, poll } from "../support/esipa-bench.ts";
import { outsideItsRange, revocationOf } from "./bad-certificates.ts";
import { withChangedBpp } from "./changed-bpp.ts";
import { type FlowKind, isTag, type Scene, type Where } from "./mishap-scene.ts";

export interface Mishap {
	/** As the sections of README.md are named. */
	readonly name: string;
	/** In what kinds of procedures it can happen. */
	readonly kinds: readonly FlowKind[];
	/** Other certificates than all tests share. */
	readonly pki?: (where: Where) => TestPki;
	readonly play: (scene: Scene) => Promise<void>;
}

const OTHER_EID = Eid.withCheckDigits("890490320000000000000000000007");

const PACKAGES: readonly FlowKind[] = ["package", "injection"];
const DOWNLOADS: readonly FlowKind[] = ["indirect download", "direct download"];
const POLLED: readonly FlowKind[] = ["package", "data", "cancelled download", ...DOWNLOADS];
const ALL: readonly FlowKind[] = [...POLLED, "injection"];

const flippedAtEnd = (octets: Uint8Array) => octets.with(-1, (octets.at(-1) ?? 0) ^ 1);

/** BF51 inside of the answer to a poll. */
function packageIn(answer: Uint8Array): Uint8Array {
	const inside = answer.subarray(readWholeTlv(answer).valueStart);
	if (!isTag(inside, "BF51")) throw new Error(`no eUICC package but ${toHex(inside)}`);
	return inside.slice();
}

/** The same change once, then none. */
function once(scene: Scene, change: (octets: Uint8Array) => Uint8Array): void {
	scene.onPackage = (octets) => {
		scene.onPackage = undefined;
		return change(octets);
	};
}

async function wrongEimSignature(scene: Scene): Promise<void> {
	once(scene, flippedAtEnd);
	await scene.begin();
	await scene.settle();
	expect(scene.onPackage).toBeUndefined();
	expect(scene.outcomes()[0]).toBe("unsigned-error");
}

async function wrongEid(scene: Scene): Promise<void> {
	const { eim } = scene.bench;
	await eim.register(OTHER_EID, { associationToken: 1 });
	const order = await eim.order(OTHER_EID, { type: "listProfiles", parameters: {} }, Days(30));
	const foreign = packageIn(await eim.ask(poll(OTHER_EID)));
	once(scene, () => foreign);
	await scene.begin();
	await scene.settle();
	expect(scene.outcomes()[0]).toBe("signed-error euiccPackageErrorCode 3");
	expect(await eim.state(order)).toBe("sent");
}

/** The eIM takes nothing of a device that comes under the name of another. */
async function resultUnderWrongEid(scene: Scene): Promise<void> {
	const { eim } = scene.bench;
	await eim.register(OTHER_EID);
	let isGiven = false;
	scene.between(async (message, forward) => {
		if (!isTag(message, "BF50") || isGiven) return forward(message);
		isGiven = true;
		const inside = message.subarray(readWholeTlv(message).valueStart);
		const [first, ...others] = readTlvs(inside).map((member) => tlvBytes(inside, member));
		expect(first?.[0]).toBe(0x5a);
		return forward(tlv(0xbf50, tlv(0x5a, Eid.toBytes(OTHER_EID)), ...others));
	});
	await scene.begin();
	await scene.settle();
	expect(isGiven).toBe(true);
	expect((await eim.store.loadDevice(OTHER_EID))?.euiccCertificate).toBeUndefined();
}

/** The SM-DP+ keeps the profile for another card: this one does not get it, and the operator reads why. */
async function profileOfAnotherCard(scene: Scene): Promise<void> {
	const { bench } = scene;
	const release = bench.releaseProfile.bind(bench);
	bench.releaseProfile = (iccid, extra, confirmation) => release(iccid, extra, { ...confirmation, eid: OTHER_EID });
	await expectNothingInstalled(
		scene,
		/8\.1\.1|8\.2\.6|there is no order|[nN]othing waits|has no event|eidMismatch|matchingIdRefused/,
	);
}

async function replayedCounter(scene: Scene): Promise<void> {
	const recorded: Uint8Array[] = [];
	scene.onPackage = (octets) => {
		recorded.push(octets.slice());
		return octets;
	};
	const { finish } = scene.flow;
	await scene.begin();
	await scene.settleBeforeFinish();
	const [first] = recorded;
	if (first === undefined) throw new Error("no package was seen");
	const { bench } = scene;
	// The IPA would give the result of its last package once more, without asking the card.
	await bench.order({ type: "getRat", parameters: {} });
	await scene.round();
	bench.events.length = 0;
	once(scene, () => first);
	const again = await bench.order({ type: "listProfiles", parameters: {} });
	for (let round = 0; round < 4 && (await bench.eim.state(again)) !== "succeeded"; round++) await scene.round();
	expect(scene.outcomes()[0]).toBe("signed-error euiccPackageErrorCode 4");
	expect(await bench.eim.state(again)).toBe("succeeded");
	await scene.expectAgreed();
	await finish?.(scene);
}

async function skippedCounters(scene: Scene): Promise<void> {
	const { eim, eid } = scene.bench;
	const skipped = await eim.order(eid, { type: "getRat", parameters: {} });
	await eim.ask(poll(eid));
	const [burnt] = await eim.store.listPackages(skipped);
	await eim.clock.advance(Days(1));
	await scene.begin();
	await scene.settle();
	expect(await eim.state(skipped)).toBe("expired");
	const { items } = await eim.store.listOperations({ eid, limit: 50 });
	const later = items.filter(({ id, state }) => id !== skipped && state === (scene.flow.state ?? "succeeded"));
	const packages = (await Promise.all(later.map(({ id }) => eim.store.listPackages(id)))).flat();
	expect(packages.some(({ counter }) => Number(counter) > Number(burnt?.counter))).toBe(true);
}

/** What a request is, whatever it says: the first answer to each is lost. */
const kindOf = (path: string, body: Uint8Array) => (path.endsWith("asn1") ? toHex(body.subarray(0, 2)) : path);

async function lostAnswer(scene: Scene): Promise<void> {
	const { bench } = scene;
	if (scene.flow.kind === "injection") {
		bench.injection.losesAnswers = true;
		await scene.begin();
		await scene.round();
		bench.injection.losesAnswers = false;
		await scene.settle();
		return;
	}
	const lost = new Set<string>();
	const losing = (kind: string) => {
		if (lost.has(kind)) return;
		lost.add(kind);
		throw new TransportError("TRANSPORT_RESET", `the answer to ${kind} is lost`);
	};
	const face = bench.faces.get(EIM_ID) as HttpHandler;
	bench.faces.set(EIM_ID, async (request) => {
		const answer = await face(request);
		losing(`ESipa ${kindOf(request.path, request.body)}`);
		return answer;
	});
	const request = bench.servers.request.bind(bench.servers);
	bench.servers.request = async (asked, caller) => {
		const answer = await request(asked, caller);
		if (caller === "IPA")
			losing(`ES9+ ${kindOf(new URL(asked.url).pathname, (asked.body ?? new Uint8Array(0)).subarray(2))}`);
		return answer;
	};
	await scene.begin();
	await scene.settle();
	expect(lost.size).toBeGreaterThan(1);
	const executed = scene.outcomes().filter((outcome) => outcome.startsWith("signed-error"));
	expect(executed).toEqual([]);
}

const RESULTS = ["BF50", "BF3D"];

async function duplicateResult(scene: Scene): Promise<void> {
	const answers: [string, string][] = [];
	scene.between(async (message, forward) => {
		const first = await forward(message);
		if (!RESULTS.some((tag) => isTag(message, tag))) return first;
		const again = await forward(message);
		answers.push([toHex(first ?? new Uint8Array(0)), toHex(again ?? new Uint8Array(0))]);
		return again;
	});
	await scene.begin();
	await scene.settle();
	expect(answers.length).toBeGreaterThan(0);
	for (const [first, again] of answers) expect(again).toBe(first);
}

/** An eIM that has lost its database gets the first result: it acknowledges nothing, and the right one gets it after that. */
async function unknownTransaction(scene: Scene): Promise<void> {
	const { eim, eid } = scene.bench;
	const lost = await esipaBench({ pki: eim.pki, signer: eim.deps.signer });
	await lost.register(eid);
	const astray: string[] = [];
	scene.between(async (message, forward) => {
		if (!RESULTS.some((tag) => isTag(message, tag)) || astray.length > 0) return forward(message);
		astray.push(toHex(message));
		return lost.send(message);
	});
	await scene.begin();
	await scene.settle();
	expect(astray).toHaveLength(1);
	await lost.close();
}

/** The eIM has got what the card has signed and believes nothing of it; the card keeps it for better times. */
async function expectNotBelieved(scene: Scene): Promise<void> {
	const { bench } = scene;
	const before = await scene.belief();
	const all = async () => (await bench.eim.store.listOperations({ eid: bench.eid, limit: 50 })).items;
	// What was ordered before and believed; without a good EUM nothing ever was, and the later orders wait behind it.
	const earlier = (await all()).filter(({ state }) => state !== "awaiting-verification").map(({ id }) => id);
	await scene.begin();
	for (let round = 0; round < 3; round++) await scene.round();
	const since = (await all()).filter(({ id }) => !earlier.includes(id));
	expect(since.map(({ state }) => state)).not.toContain("succeeded");
	expect(await scene.belief()).toEqual(before);
	if (scene.flow.kind === "data") return;
	expect(since.map(({ state }) => state)).toContain("awaiting-verification");
	expect(await bench.leftOnCard()).toBeGreaterThan(0);
}

async function expectNothingInstalled(scene: Scene, reason: RegExp): Promise<void> {
	const { bench } = scene;
	await scene.begin();
	for (let round = 0; round < 4; round++) await scene.round();
	expect(await scene.states()).toEqual(["failed"]);
	const operation = await bench.eim.store.loadOperation(scene.operations[0] ?? "");
	expect(`${operation?.reason?.code} ${operation?.reason?.text}`).toMatch(reason);
	expect(await bench.iccids()).toEqual([BOOTSTRAP_ICCID]);
	expect(bench.smdp.profiles().find(({ iccid }) => iccid === OTHER_ICCID)?.state).not.toBe("installed");
}

const isDownload = (scene: Scene) => DOWNLOADS.includes(scene.flow.kind);

async function expiredCertificate(scene: Scene): Promise<void> {
	await scene.bench.eim.clock.advance(Days(365 * 36));
	if (scene.flow.kind === "injection") {
		// The certificate that the eIM shows to the device is not valid any longer either.
		await scene.begin();
		for (let round = 0; round < 3; round++) await scene.round();
		expect(scene.outcomes()).toEqual([]);
		expect(await scene.states()).toEqual(["sent"]);
		return;
	}
	await (isDownload(scene) ? expectNothingInstalled(scene, /8\.1\.[23]|[cC]ertificate/) : expectNotBelieved(scene));
}

async function revokedCertificate(scene: Scene): Promise<void> {
	const { eim, revoked } = scene.bench;
	const list = revocationOf(eim.pki);
	Object.assign(eim.deps, { crls: () => [list] });
	revoked.push(list);
	// A chain that was verified is looked at again after some minutes.
	await eim.clock.advance(Minutes(6));
	await (isDownload(scene)
		? expectNothingInstalled(scene, /8\.1\.3|revoked|euiccCertificateInvalid/)
		: expectNotBelieved(scene));
}

async function eumOutsideItsRange(scene: Scene): Promise<void> {
	await (isDownload(scene)
		? expectNothingInstalled(scene, /8\.1\.[23]|[cC]ertificate( is )?[iI]nvalid/)
		: expectNotBelieved(scene));
}

/** The package of the SM-DP+, changed before it leaves for the eIM or the device. */
const changedBpp = (change: Parameters<typeof withChangedBpp>[1], reason: string) => async (scene: Scene) => {
	const { bench } = scene;
	bench.servers.handlers.set(SMDP_ADDRESS, withChangedBpp(bench.smdp.handle, change));
	await scene.begin();
	for (let round = 0; round < 4; round++) await scene.round();
	expect(await scene.states()).toEqual(["failed"]);
	const operation = await bench.eim.store.loadOperation(scene.operations[0] ?? "");
	expect(`${operation?.reason?.code} ${operation?.reason?.text}`).toContain(reason);
	expect(bench.smdp.notifications()).toMatchObject([{ event: "install", isVerified: true }]);
	expect(bench.smdp.profiles().find(({ iccid }) => iccid === OTHER_ICCID)?.state).toBe("error");
	expect(await bench.iccids()).toEqual([BOOTSTRAP_ICCID]);
	expect(await bench.leftOnCard()).toBe(0);
};

const truncated = changedBpp((blocks) => blocks.slice(0, -1), "installFailedDueToPEProcessingError(12)");
const wrongMac = changedBpp(
	// ConfigureISDP has the first block, StoreMetadata the second, the profile elements begin with the third.
	(blocks) => blocks.map((block, index) => (index === 0 ? flippedAtEnd(block) : block)),
	"scp03tSecurityError(8)",
);

async function cardRemoved(scene: Scene): Promise<void> {
	const { bench, flow } = scene;
	await scene.begin();
	let isOut = false;
	scene.beforeCommand = (command) => {
		isOut ||= isTag(command.subarray(5), flow.deciding.command);
		if (isOut) throw new Error("the card was removed");
	};
	for (let round = 0; round < 3; round++) await scene.round();
	expect(isOut).toBe(true);
	if (flow.kind !== "cancelled download") {
		expect((await scene.states()).filter((state) => state !== "queued" && state !== "sent")).toEqual([]);
	}
	await bench.card.powerOff();
	scene.beforeCommand = () => undefined;
	await scene.settle();
}

/** Power gone after the deciding command was executed, before anybody knew. */
async function powerCut(scene: Scene): Promise<void> {
	const { deciding } = scene.flow;
	const tag = deciding.answer ?? deciding.command;
	expect(await powerCutWhen(scene, (response) => isTag(response, tag))).toBe(true);
}

/** Lets the power fail after the answer that is chosen, then lets the procedure go on; whether it came to that. */
export async function powerCutWhen(scene: Scene, isIt: (response: Uint8Array) => boolean): Promise<boolean> {
	await scene.begin();
	let cut: () => void = () => undefined;
	const isCut = new Promise<boolean>((resolve) => {
		cut = () => resolve(true);
	});
	scene.afterCommand = (response) => {
		if (!isIt(response)) return undefined;
		cut();
		return new Promise(() => undefined);
	};
	const rounds = async () => {
		for (let round = 0; round < 4; round++) await scene.round();
		return false;
	};
	const wasCut = await Promise.race([isCut, rounds()]);
	if (wasCut) await scene.powerUp();
	else scene.afterCommand = () => undefined;
	await scene.settle();
	return wasCut;
}

export const MISHAPS: readonly Mishap[] = [
	{ name: "wrong eIM signature", kinds: PACKAGES, play: wrongEimSignature },
	{
		name: "wrong EID",
		kinds: ALL.filter((kind) => kind !== "cancelled download"),
		play: (scene) => {
			if (isDownload(scene)) return profileOfAnotherCard(scene);
			return scene.flow.kind === "data" ? resultUnderWrongEid(scene) : wrongEid(scene);
		},
	},
	{ name: "replayed counter", kinds: PACKAGES, play: replayedCounter },
	{ name: "skipped counters", kinds: PACKAGES, play: skippedCounters },
	{ name: "lost answer", kinds: ALL, play: lostAnswer },
	{ name: "duplicate result", kinds: POLLED, play: duplicateResult },
	{ name: "result for an unknown transaction", kinds: POLLED, play: unknownTransaction },
	{ name: "expired certificate", kinds: ALL.filter((kind) => kind !== "cancelled download"), play: expiredCertificate },
	{ name: "revoked certificate", kinds: ALL.filter((kind) => kind !== "cancelled download"), play: revokedCertificate },
	{
		name: "EUM outside its EID range",
		kinds: ALL.filter((kind) => kind !== "cancelled download"),
		pki: ({ curve }) => outsideItsRange(curve),
		play: eumOutsideItsRange,
	},
	{ name: "truncated BPP", kinds: DOWNLOADS, play: truncated },
	{ name: "wrong MAC in the third block", kinds: DOWNLOADS, play: wrongMac },
	{ name: "card removed", kinds: ALL, play: cardRemoved },
	{ name: "power cut between any two APDUs", kinds: ALL, play: powerCut },
];
