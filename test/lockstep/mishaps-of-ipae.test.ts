/** What may go wrong when the IPA is in the card (3.8.4): it has been activated, polls by itself and executes a package. */

import { createEsipaFace } from "@iot-esim/eim/bindings/esipa-face";
import { readWholeTlv } from "@iot-esim/shared/asn1/tlv-reader";
import { Eid } from "@iot-esim/shared/ids/eid";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import { toHex } from "@iot-esim/shared/util/bytes";
import { Days, Minutes } from "@iot-esim/shared/util/duration";
import { describe, expect, it, onTestFailed, onTestFinished } from "vitest";
import { ipaeBench } from "../procedures/ipae-bench.ts";
import { esipaBench, poll } from "../support/esipa-bench.ts";
import { outsideItsRange, revocationOf } from "./bad-certificates.ts";
import { type Exchange, isTag, type Where } from "./mishap-scene.ts";
import { FORMS } from "./play-mishaps.ts";

const OTHER_EID = Eid.withCheckDigits("890490320000000000000000000007");
const list = { type: "listProfiles", parameters: {} } as const;
const setFallback = { type: "setFallbackAttribute", parameters: { iccid: Iccid("8900101000000000018") } } as const;

async function start(where: Where, pki?: Parameters<typeof ipaeBench>[0] & object) {
	const bench = await ipaeBench({ ...where, ...pki });
	onTestFinished(() => bench.close());
	onTestFailed(() => console.log(bench.log()));
	const { eim, eid, face, until, insert, activate } = bench;
	expect(await activate()).toBe("BF4203800100");
	await eim.store.changeDevice(eid, { associationToken: 1 });
	const between = (change: Exchange) => {
		const handle = (body: Uint8Array) => change(body, (message) => eim.send(message));
		face.handle = createEsipaFace({ handler: { handle }, log: eim.deps.logger("test.face") });
	};
	return {
		...bench,
		between,
		/** Changes the first package that the card is given. */
		withFirstPackage: (change: (answer: Uint8Array) => Uint8Array) => {
			let isOver = false;
			between(async (message, forward) => {
				const answer = await forward(message);
				if (isOver || answer === null || !isTag(answer, "BF4F")) return answer;
				if (!isTag(answer.subarray(readWholeTlv(answer).valueStart), "BF51")) return answer;
				isOver = true;
				return change(answer);
			});
		},
		/** Orders and lets the card go on until the operation is over. */
		run: async (order: typeof list | typeof setFallback = list) => {
			const id = await eim.order(eid, order, Days(30));
			await insert();
			await until(async () => (await eim.state(id)) === "succeeded");
			return id;
		},
		untilLater: async (wait: Parameters<typeof Minutes>[0]) => {
			const end = eim.clock.now() + Minutes(wait);
			await until(() => eim.clock.now() >= end);
		},
		resultsOfCard: async () => (await bench.ask("BF2B04A0028200")).match(/BF51/g)?.length ?? 0,
	};
}

const whereOf = (index: number) => FORMS[index % FORMS.length] as Where;

describe("3.8.4 IPAe Activation", () => {
	it("wrong eIM signature: the card signs nothing, gets the same again and executes it", async () => {
		const { withFirstPackage, run } = await start(whereOf(0));
		let damaged = 0;
		withFirstPackage((answer) => {
			damaged++;
			return answer.with(-1, (answer.at(-1) ?? 0) ^ 1);
		});
		await run();
		expect(damaged).toBe(1);
	});

	it("wrong EID: the card executes nothing of another's package, and that one's operation goes on waiting", async () => {
		const { eim, withFirstPackage, run } = await start(whereOf(1));
		await eim.register(OTHER_EID, { associationToken: 1 });
		const other = await eim.order(OTHER_EID, list, Days(30));
		const foreign = await eim.ask(poll(OTHER_EID));
		withFirstPackage(() => foreign);
		await run();
		expect(await eim.state(other)).toBe("sent");
	});

	it("replayed counter: the card refuses what it has executed before, and goes on", async () => {
		const { eim, withFirstPackage, run, between, eid, until } = await start(whereOf(2));
		const packages: Uint8Array[] = [];
		withFirstPackage((answer) => {
			packages.push(answer);
			return answer;
		});
		await run(setFallback);
		const second = await eim.order(eid, list, Days(30));
		await until(async () => (await eim.state(second)) === "succeeded");
		const [recorded] = packages;
		const refused: string[] = [];
		let isGiven = false;
		between(async (message, forward) => {
			if (isTag(message, "BF4F") && !isGiven && recorded !== undefined) {
				isGiven = true;
				return recorded;
			}
			if (isTag(message, "BF50")) refused.push(toHex(message));
			return forward(message);
		});
		const id = await eim.order(eid, list, Days(30));
		await until(async () => (await eim.state(id)) === "succeeded");
		expect(isGiven).toBe(true);
		// EuiccPackageErrorSigned with replayError(4).
		expect(refused.find((one) => /BF51(81)?..A1/.test(one))).toMatch(/020104/);
	});

	it("skipped counters: a higher counter is as good", async () => {
		const { eim, eid, run } = await start(whereOf(3));
		const skipped = await eim.order(eid, setFallback);
		await eim.ask(poll(eid));
		const [burnt] = await eim.store.listPackages(skipped);
		await eim.clock.advance(Days(1));
		const [next] = await eim.store.listPackages(await run());
		expect(Number(next?.counter)).toBeGreaterThan(Number(burnt?.counter));
	});

	it("lost answer: the first to each function is lost, and the package is executed once", async () => {
		const { between, run, resultsOfCard } = await start(whereOf(0));
		const lost = new Set<string>();
		between(async (message, forward) => {
			const answer = await forward(message);
			const kind = toHex(message.subarray(0, 2));
			if (lost.has(kind)) return answer;
			lost.add(kind);
			throw new Error("the answer is lost");
		});
		await run(setFallback);
		expect([...lost].sort()).toEqual(["BF4F", "BF50"]);
		expect(await resultsOfCard()).toBe(0);
	});

	it("duplicate result: the eIM answers it as before and records it once", async () => {
		const { between, run } = await start(whereOf(1));
		const answers: string[] = [];
		between(async (message, forward) => {
			const first = await forward(message);
			if (!isTag(message, "BF50") || first === null) return first;
			const again = await forward(message);
			answers.push(toHex(first), toHex(again ?? new Uint8Array(0)));
			return again;
		});
		await run();
		expect(answers.length).toBeGreaterThan(0);
		expect(answers.filter((_, index) => index % 2 === 0)).toEqual(answers.filter((_, index) => index % 2 === 1));
	});

	it("result for an unknown transaction: an eIM that lost its database acknowledges nothing, and the right one gets it", async () => {
		const { eim, eid, between, run } = await start(whereOf(2));
		const lost = await esipaBench({ pki: eim.pki, signer: eim.deps.signer });
		onTestFinished(lost.close);
		await lost.register(eid);
		const astray: string[] = [];
		between(async (message, forward) => {
			if (!isTag(message, "BF50") || astray.length > 0) return forward(message);
			astray.push(toHex(message));
			return lost.send(message);
		});
		await run();
		expect(astray).toHaveLength(1);
	});

	it.each([
		["expired certificate", 3],
		["revoked certificate", 0],
		["EUM outside its EID range", 1],
	] as const)("%s: the result is kept unverified at the eIM and stays on the card", async (what, form) => {
		const where = whereOf(form);
		const isOutside = what === "EUM outside its EID range";
		const { eim, eid, insert, until, resultsOfCard } = await start(
			where,
			isOutside ? { pki: outsideItsRange(where.curve) } : {},
		);
		if (what === "expired certificate") await eim.clock.advance(Days(365 * 36));
		if (what === "revoked certificate") Object.assign(eim.deps, { crls: () => [revocationOf(eim.pki)] });
		const id = await eim.order(eid, list, Days(30));
		await insert();
		await until(async () => (await eim.state(id)) === "awaiting-verification");
		expect(await eim.store.listProfiles(eid)).toEqual([]);
		expect(await resultsOfCard()).toBeGreaterThan(0);
	});

	it.each([10, 25, 40, 60])("power cut after %i APDUs: the package is executed and the eIM knows", async (apdus) => {
		const { eim, eid, card, device, until, insert, resultsOfCard } = await start(whereOf(apdus));
		const id = await eim.order(eid, setFallback, Days(30));
		await insert();
		await until(() => card.apdus >= apdus);
		await device.setPower(false);
		await device.setPower(true);
		await until(async () => (await eim.state(id)) === "succeeded");
		expect(await resultsOfCard()).toBe(0);
	});
});
