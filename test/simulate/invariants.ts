import { fromBase64, toBase64, toHex } from "@iot-esim/shared/util/bytes";
import type { KeptByCard } from "./card-memory.ts";
import type { DevicePart } from "./device-part.ts";
import { EimDatabase, type OperationRow } from "./eim-database.ts";
import { type CardTruth, packageTruth, truthOf } from "./truth.ts";
import type { World } from "./world.ts";

const FINAL = ["succeeded", "failed", "rolled-back", "expired", "cancelled"];

/** What must hold when the faults are over and everybody has had time; one sentence for each thing that does not. */
export function violations(world: World): readonly string[] {
	const database = new EimDatabase(world.eim.database);
	return [
		...counters(world),
		...losses(world, database),
		...forwarded(world, database),
		...operations(world, database),
		...beliefs(world, database),
		...downloads(world, database),
		...refusals(database),
	];
}

/**
 * Nobody here lies and nothing changes octets on their way: a signature or certificate that a card or server refuses was
 * made, carried or verified wrongly. 1 and 2 are AuthenticateErrorCode and DownloadErrorCode of both.
 */
const REFUSAL = /with (error )?(invalidCertificate|invalidSignature|[12]\b)|is not one by the key|signed another/;

function refusals(database: EimDatabase): string[] {
	const refused = database.operations().filter(({ reason }) => reason !== null && REFUSAL.test(reason));
	return refused.map(({ id, type, reason }) => `an honest part is refused: ${type} ${id}: ${reason}`);
}

/** No counter used twice: a counter value stands for one package, however often that is sent. */
function counters({ witness }: World): string[] {
	return [...witness.packages].flatMap(([key, packages]) =>
		packages.size === 1 ? [] : [`counter used twice: ${packages.size} packages have EID and counter ${key}`],
	);
}

/** Nothing acknowledged is lost: what a card was told to forget stands in the eIM's database. */
function losses({ devices, witness, accepted, smdp }: World, database: EimDatabase): string[] {
	const found: string[] = [];
	const atSmdp = (smdp.server?.notifications() ?? []).map(({ notification }) => toHex(fromBase64(notification)));
	for (const { name, model, memory } of devices) {
		// A download's result may stand in what an IPA tells of a direct download.
		const all = [...database.received(model.eid), ...atSmdp].join();
		const received = { has: (hex: string) => all.includes(hex) };
		for (const kept of memory.removed) {
			if (received.has(toHex(kept.der)) || isReplaced(kept, memory.written)) continue;
			found.push(`acknowledged and lost: ${kept.kind} ${kept.seqNumber} of ${name} is on neither side`);
		}
		for (const seqNumber of witness.acknowledged.get(model.eid) ?? []) {
			const signed = memory.written.find((kept) => kept.seqNumber === seqNumber);
			if (signed === undefined) found.push(`acknowledged and never sent: number ${seqNumber} of ${name}`);
			else if (!received.has(toHex(signed.der))) {
				found.push(`acknowledged before it was stored: ${signed.kind} ${seqNumber} of ${name}`);
			}
		}
	}
	const known = new Set(database.operations().map(({ id }) => id));
	for (const id of accepted) if (!known.has(id)) found.push(`accepted and lost: ${id}`);
	return found;
}

/** A rollback signs the result of its package anew: the new one takes the place of the first. */
function isReplaced(kept: KeptByCard, written: readonly KeptByCard[]): boolean {
	const before = kept.kind === "package-result" ? packageTruth(kept.der) : undefined;
	if (before === undefined) return false;
	return written.slice(written.indexOf(kept) + 1).some(({ kind, der }) => {
		const after = kind === "package-result" ? packageTruth(der) : undefined;
		return after?.counter === before.counter && after.truth === "rolled-back";
	});
}

/** Each notification that the eIM took has reached the SM-DP+. */
function forwarded({ smdp }: World, database: EimDatabase): string[] {
	const there = new Set((smdp.server?.notifications() ?? []).map(({ notification }) => notification));
	return database.notifications().flatMap(({ bytes, isDelivered, error }) => {
		if (there.has(toBase64(bytes))) return [];
		return [`notification ${isDelivered ? "called delivered" : "not delivered"} and not at the SM-DP+: ${error ?? ""}`];
	});
}

/** Every operation ends in exactly one state, and in the one that the card signed for. */
function operations({ devices }: World, database: EimDatabase): string[] {
	const truths = new Map(devices.map(({ model, memory }) => [model.eid as string, truthOf(memory)]));
	return database.operations().flatMap((operation) => {
		const { id, type, state, reason } = operation;
		const about = `${type} ${id} is ${state}${reason ? ` (${reason})` : ""}`;
		if (!FINAL.includes(state)) return [`not ended: ${about}`];
		const ends = database.endsOf(id);
		const succeeded = ends.indexOf("operationSucceeded");
		const after = succeeded < 0 ? [] : ends.slice(succeeded + 1);
		if (after.some((end) => end !== "operationRolledBack")) return [`ends twice: ${about}, after ${ends.join()}`];
		const truth = truths.get(operation.eid);
		const wrong = truth && contradiction(operation, database.countersOf(id), truth);
		return wrong === undefined ? [] : [`wrong end: ${about}; ${wrong}`];
	});
}

function contradiction(
	{ type, state, outcome }: OperationRow,
	counters: readonly number[],
	truth: CardTruth,
): string | undefined {
	if (type === "download") {
		const { iccid } = JSON.parse(outcome ?? "{}") as { iccid?: string };
		return state !== "succeeded" || (iccid !== undefined && truth.installed.has(iccid))
			? undefined
			: `the card never signed for the installation of ${iccid}`;
	}
	if (type === "readEuiccData") return undefined;
	const signed = counters.map((counter) => truth.packages.get(counter)).filter((one) => one !== undefined);
	const [last] = signed.slice(-1);
	if (last === undefined) {
		return state === "succeeded" || state === "rolled-back" ? "the card never signed for it" : undefined;
	}
	return state === last ? undefined : `the card signed that it ${last}`;
}

/** A profile that the card has signed for is installed to everybody. */
function downloads({ devices, smdp }: World, database: EimDatabase): string[] {
	const records = smdp.server?.profiles() ?? [];
	const done = database.operations().filter(({ type, state }) => type === "download" && state === "succeeded");
	return devices.flatMap(({ name, model, memory }) =>
		[...truthOf(memory).installed].flatMap((iccid) => {
			const state = records.find((record) => record.iccid === iccid)?.state;
			const found = state === "installed" ? [] : [`wrong order: ${iccid} is on ${name}, and ${state} at the SM-DP+`];
			const isKnown = done.some(({ eid, outcome }) => eid === model.eid && outcome?.includes(iccid));
			return isKnown
				? found
				: [...found, `wrong end: ${iccid} was installed on ${name}, and no download has succeeded`];
		}),
	);
}

/** What the eIM believes is what the card holds. */
function beliefs({ devices }: World, database: EimDatabase): string[] {
	return devices.flatMap((device) => {
		const believed = database.profiles(device.model.eid);
		const held = profilesOf(device);
		const hasList = database
			.operations()
			.some(({ eid, type, state }) => eid === device.model.eid && type === "listProfiles" && state === "succeeded");
		const wrong = Object.keys({ ...believed, ...held }).filter((iccid) => {
			if (believed[iccid] === held[iccid]) return false;
			// Without any list the eIM knows of profiles only what it has done with them.
			return hasList || believed[iccid] !== undefined;
		});
		const fallbacks = database.fallbacks(device.model.eid);
		const doubtful = device.card
			.profiles()
			.filter(
				({ iccid, hasFallbackAttribute }) =>
					(fallbacks[iccidOf(iccid)] ?? hasFallbackAttribute) !== hasFallbackAttribute,
			);
		return [
			...wrong.map(
				(iccid) =>
					`wrong belief: ${iccid} of ${device.name} is ${held[iccid] ?? "not"} on the card, ${believed[iccid] ?? "unknown"} to the eIM`,
			),
			...doubtful.map(
				({ iccid }) => `wrong belief: whether ${iccidOf(iccid)} of ${device.name} is the fallback profile`,
			),
		];
	});
}

/** ICCID to state, as the card's memory has it. */
export function profilesOf({ card }: DevicePart): Readonly<Record<string, string>> {
	return Object.fromEntries(
		card
			.profiles()
			.map(({ description, isEnabled }) => [iccidOf(description.iccid), isEnabled ? "enabled" : "disabled"]),
	);
}

function iccidOf(octets: Uint8Array): string {
	const digits = [...octets].map((octet) => (octet & 0xf).toString(16) + (octet >> 4).toString(16)).join("");
	return digits.replace(/f$/, "");
}
