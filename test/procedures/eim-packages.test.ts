/**
 * Packages of several commands, errors and rollback (SGP.32 sections 2.11.1 and 2.11.2) from the eIM's order over a real IPA
 * to a simulated card and back; each command by itself is in `sgp32-packages.test.ts`.
 */

import type { EuiccCommand } from "@iot-esim/eim/domain/euicc-command";
import type { Curve } from "@iot-esim/shared/crypto/curve";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import { afterEach, describe, expect, it } from "vitest";
import { shows } from "../conformance/claim.ts";
import { EIM_ID, esipaBench } from "../support/esipa-bench.ts";
import { BINDINGS_AND_CURVES, type Binding } from "../support/esipa-face-client.ts";
import { BOOTSTRAP, deviceChain } from "../support/whole-chain.ts";

const bootstrap = Iccid(BOOTSTRAP);
const target = Iccid("8900101000000000026");
const noHttp = { request: () => Promise.reject(new Error("no SM-DP+ in this test")) };

let closing: (() => Promise<void>)[] = [];
afterEach(async () => {
	for (const close of closing) await close();
	closing = [];
});

async function chain(binding: Binding, curve: Curve) {
	const parts = await deviceChain({ http: noHttp, binding, curve, moreProfiles: [target] });
	closing.push(parts.close);
	const { eim, eid, ipa } = parts;
	/** Orders, lets the device poll, gives the operation as it ended. */
	const run = async (...commands: [EuiccCommand, ...EuiccCommand[]]) => {
		const [only] = commands;
		const order = commands.length === 1 ? only : ({ type: "euiccPackage", parameters: { commands } } as const);
		const id = await eim.order(eid, order);
		// Another eIM on the card that does not answer is no failure of this one.
		await ipa.pollOnce();
		return eim.store.loadOperation(id);
	};
	const deviceRow = () => eim.store.loadDevice(eid);
	return { ...parts, run, deviceRow };
}

describe.each(BINDINGS_AND_CURVES)("eUICC packages in %s on %s", (binding, curve) => {
	const where = { binding, curve };

	it("section 5.9.1: several operations in one package end in one state, each with its own outcome", async (context) => {
		const { run, profiles } = await chain(binding, curve);
		const all = await run(
			{ type: "listProfiles", parameters: {} },
			{ type: "getRat", parameters: {} },
			{ type: "disable", parameters: { iccid: bootstrap } },
			{ type: "enable", parameters: { iccid: target, rollback: true } },
		);
		expect(all).toMatchObject({ state: "succeeded" });
		expect(all?.outcome?.commands).toMatchObject([
			{ type: "listProfiles", state: "succeeded" },
			{ type: "getRat", state: "succeeded" },
			{ type: "disable", state: "succeeded" },
			{ type: "enable", state: "succeeded" },
		]);
		expect(await profiles()).toEqual({ [bootstrap]: "disabled", [target]: "enabled" });
		const partial = await run(
			{ type: "delete", parameters: { iccid: bootstrap } },
			{ type: "delete", parameters: { iccid: target } },
			{ type: "unsetFallbackAttribute", parameters: {} },
		);
		expect(partial).toMatchObject({
			state: "failed",
			reason: { code: "delete: profileNotInDisabledState(2)" },
			outcome: { commands: [{ state: "succeeded" }, { state: "failed" }, { state: "notExecuted" }] },
		});
		expect(await profiles()).toEqual({ [target]: "enabled" });
		// The eIM would refuse the order: a card ends the processing at a second enable.
		const enable: EuiccCommand = { type: "setFallbackAttribute", parameters: { iccid: target } };
		const again: EuiccCommand = { type: "enable", parameters: { iccid: target, rollback: false } };
		const ended = await run(enable, { type: "disable", parameters: { iccid: target } }, again, again);
		expect(ended).toMatchObject({
			state: "failed",
			reason: { code: "processingTerminated: unknownOrDamagedCommand(2)" },
			outcome: { commands: [{}, {}, { state: "succeeded" }, { state: "failed" }] },
		});
		const functions = ["several commands in one package", "partial results", "processingTerminated"];
		shows(context, { ...where, interface: "eIM packages", functions });
	});

	it("section 2.11.2.1: an eIM whose database was set back learns token and counter from the errors of the card", async (context) => {
		const { run, eim, eid, ipa, peers, deviceRow } = await chain(binding, curve);
		// The card chose a token that nobody told: its unsigned error names it.
		for (let n = 0; n < 3; n++) await run({ type: "listProfiles", parameters: {} });
		expect((await deviceRow())?.associationToken).toBe(1);
		const restored = await esipaBench({ pki: eim.pki, signer: eim.deps.signer });
		closing.push(restored.close);
		await restored.register(eid, { associationToken: 1 });
		peers.set(EIM_ID, restored.face);
		const list = await restored.order(eid, { type: "listProfiles", parameters: {} });
		await ipa.pollOnce();
		expect(await restored.store.listPackages(list)).toHaveLength(2);
		expect(await restored.state(list)).toBe("succeeded");
		shows(context, { ...where, interface: "eIM packages", functions: ["signed error", "unsigned error"] });
	});

	it("section 5.9.1: a package that is rolled back undoes the switch alone", async (context) => {
		const { eim, eid, run, cutUntilRollback, profiles, deviceRow } = await chain(binding, curve);
		cutUntilRollback();
		const ended = await run(
			{ type: "setDefaultDpAddress", parameters: { smdpAddress: "smdp.example.com" } },
			{ type: "enable", parameters: { iccid: target, rollback: true } },
		);
		expect(ended).toMatchObject({
			state: "rolled-back",
			outcome: { commands: [{ state: "succeeded" }, { state: "rolledBack" }] },
		});
		expect((await deviceRow())?.defaultSmdpAddress).toBe("smdp.example.com");
		const own = await eim.store.listOperations({ eid, origin: "eim", types: ["listProfiles"], limit: 5 });
		expect(own.items).toMatchObject([{ state: "succeeded" }]);
		expect(await profiles()).toEqual({ [bootstrap]: "enabled", [target]: "disabled" });
		shows(context, { ...where, interface: "eIM packages", functions: ["rollbackResult"] });
	});
});
