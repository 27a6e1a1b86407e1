/**
 * eUICC packages and what the eIM asks of the device (SGP.32 sections 3.1, 3.3 and 3.4), procedure by procedure, from the
 * eIM's order over a real IPA to a simulated card and back.
 */

import type { EuiccCommand } from "@iot-esim/eim/domain/euicc-command";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import { StateChangeCauseCode } from "@iot-esim/shared/messages/sgp32/esipa-package";
import { expect, onTestFinished } from "vitest";
import { otherEim } from "../support/eims.ts";
import { EIM_ID } from "../support/esipa-bench.ts";
import { procedure, type Where } from "../support/procedure.ts";
import { BOOTSTRAP, type ChainOptions, deviceChain, TARGET } from "../support/whole-chain.ts";

const bootstrap = Iccid(BOOTSTRAP);
const target = Iccid(TARGET);
const noHttp = { request: () => Promise.reject(new Error("no SM-DP+ in this test")) };
const SUCCEEDED = { state: "succeeded" };

async function start({ binding, curve }: Where, options: ChainOptions = {}) {
	const chain = await deviceChain({ http: noHttp, binding, curve, moreProfiles: [target], ...options });
	onTestFinished(chain.close);
	const { eim, eid, ipa, device } = chain;
	return {
		...chain,
		/** Orders, lets the device poll, gives the operation as it ended. */
		run: async (command: EuiccCommand) => {
			const id = await eim.order(eid, command);
			// Another eIM on the card that does not answer is no failure of this one.
			await ipa.pollOnce();
			return eim.store.loadOperation(id);
		},
		deviceRow: () => eim.store.loadDevice(eid),
		/** What an eIM reads of the card, past the IPA. */
		ask: async (request: string) => {
			await ipa.close();
			await device.restart();
			return device.ask(request);
		},
	};
}

procedure("3.1.1.1 eIM Package Retrieval", async (where) => {
	const { eim, eid, round, ipa } = await start(where);
	expect(await ipa.pollOnce()).toMatchObject({ packages: 0 });
	const first = await eim.order(eid, { type: "listProfiles", parameters: {} });
	const second = await eim.order(eid, { type: "getRat", parameters: {} });
	// One round fetches what there is, one package at a time, until the eIM has none.
	expect(await round()).toBeGreaterThanOrEqual(2);
	expect([await eim.state(first), await eim.state(second)]).toEqual(["succeeded", "succeeded"]);
	expect(await round()).toBe(0);
	where.shows({ interface: "ESipa", functions: ["GetEimPackage", "ProvideEimPackageResult"] });
});

procedure("3.1.1.2 eIM Package Injection", async (where) => {
	const { eim, eid, injection, deviceRow, ask } = await start(where, { inject: where.binding });
	const list = await eim.order(eid, { type: "listProfiles", parameters: {} });
	await eim.jobs.runDue();
	expect(await eim.state(list)).toBe("succeeded");
	const path = where.binding === "json" ? "/gsma/rsp2/esipa/transferEimPackage" : "/gsma/rsp2/asn1";
	expect(injection.seen.map((exchange) => [exchange.path, exchange.status])).toContainEqual([path, 200]);
	// The device has not polled, and nothing is left on the card.
	expect((await deviceRow())?.lastPollAt).toBeUndefined();
	expect(await ask("BF2B04A0028200")).toMatch(/^BF2B02A[02]00$/);
	where.shows({ interface: "ESipa", functions: ["TransferEimPackage"] });
});

procedure("2.11.1.2 IPA and eUICC Data Request", async (where) => {
	const { eim, eid, round, deviceRow } = await start(where);
	const read = await eim.order(eid, { type: "readEuiccData", parameters: {} });
	await round();
	expect(await eim.store.loadOperation(read)).toMatchObject(SUCCEEDED);
	const device = await deviceRow();
	expect(device).toMatchObject({ associationToken: 1 });
	expect(device?.euiccCertificate).toEqual(eim.known.euiccCertificate);
	expect(device?.eumCertificate).toEqual(eim.known.eumCertificate);
	expect(device?.euiccInfo2?.subarray(0, 2)).toEqual(Uint8Array.of(0xbf, 0x22));
	expect(device?.ipaCapabilities).toBeDefined();
	where.shows({ interface: "eIM packages", functions: ["IpaEuiccDataRequest"] });
});

procedure("5.14.5 State change of the device, told by notifyStateChange", async (where) => {
	const { eim, eid, ipa, round, deviceRow, profiles } = await start(where);
	await ipa.perform({ type: "set-default-smdp", address: "smdp.example.com" });
	await round();
	expect(await deviceRow()).toMatchObject({
		lastStateChangeCause: StateChangeCauseCode.local,
		defaultSmdpAddress: "smdp.example.com",
	});
	const own = await eim.store.listOperations({ eid, origin: "eim", limit: 5 });
	expect(own.items.map(({ type, state }) => `${type} ${state}`).sort()).toEqual([
		"listProfiles succeeded",
		"readEuiccData succeeded",
	]);
	expect(await profiles()).toEqual({ [bootstrap]: "enabled", [target]: "disabled" });
	where.shows({ interface: "eIM packages", functions: ["notifyStateChange"] });
	where.shows({ interface: "ES10a, ES10b, ES10c", functions: ["SetDefaultDpAddress"] });
});

procedure("3.3.1 Generic eUICC Package Download and Execution", async (where) => {
	const { eim, eid, ipa, events, profiles, ask } = await start(where);
	const commands: [EuiccCommand, ...EuiccCommand[]] = [
		{ type: "listProfiles", parameters: {} },
		{ type: "disable", parameters: { iccid: bootstrap } },
		{ type: "enable", parameters: { iccid: target, rollback: false } },
	];
	const id = await eim.order(eid, { type: "euiccPackage", parameters: { commands } });
	await ipa.pollOnce();
	expect(await eim.store.loadOperation(id)).toMatchObject({
		...SUCCEEDED,
		outcome: { commands: [{ state: "succeeded" }, { state: "succeeded" }, { state: "succeeded" }] },
	});
	expect(events.filter((event) => event === "package-executed").length).toBeGreaterThan(0);
	expect(await profiles()).toEqual({ [bootstrap]: "disabled", [target]: "enabled" });
	await ipa.pollOnce();
	// Every result and notification was acknowledged, and is gone from the card.
	expect(await ask("BF2B04A0028200")).toMatch(/^BF2B02A[02]00$/);
	const functions = ["LoadEuiccPackage", "RetrieveNotificationsList", "NotificationSent"];
	where.shows({ interface: "ES10a, ES10b, ES10c", functions });
	where.shows({ interface: "eIM packages", functions: ["several commands in one package"] });
});

const psmo = (where: Where, ...functions: string[]) => where.shows({ interface: "ESep PSMO", functions });

procedure("3.4.1 Enable Profile", async (where) => {
	const { run, profiles, ask } = await start(where);
	expect(await run({ type: "enable", parameters: { iccid: target, rollback: true } })).toMatchObject(SUCCEEDED);
	expect(await profiles()).toMatchObject({ [target]: "enabled" });
	expect(await run({ type: "enable", parameters: { iccid: target, rollback: false } })).toMatchObject({
		state: "failed",
		reason: { code: "enable: profileNotInDisabledState(2)" },
	});
	expect(await run({ type: "enable", parameters: { iccid: bootstrap, rollback: false } })).toMatchObject(SUCCEEDED);
	expect(await profiles()).toEqual({ [bootstrap]: "enabled", [target]: "disabled" });
	expect(await ask("BF2D055C039F705A")).toContain("9F700101");
	psmo(where, "enable", "enable with rollback");
});

procedure("5.9.16 Profile Rollback", async (where) => {
	const { run, eim, eid, profiles, cutUntilRollback, events } = await start(where);
	cutUntilRollback();
	expect(await run({ type: "enable", parameters: { iccid: target, rollback: true } })).toMatchObject({
		state: "rolled-back",
		reason: { code: "rollback: ok(0)" },
	});
	expect(events).toContain("rollback-started");
	const own = await eim.store.listOperations({ eid, origin: "eim", types: ["listProfiles"], limit: 5 });
	expect(own.items).toMatchObject([SUCCEEDED]);
	expect(await profiles()).toEqual({ [bootstrap]: "enabled", [target]: "disabled" });
	where.shows({ interface: "ES10a, ES10b, ES10c", functions: ["ProfileRollback"] });
	where.shows({ interface: "eIM packages", functions: ["rollbackResult"] });
	psmo(where, "enable with rollback");
});

procedure("3.4.2 Disable Profile", async (where) => {
	const { run, profiles, ask } = await start(where);
	expect(await run({ type: "disable", parameters: { iccid: bootstrap } })).toMatchObject(SUCCEEDED);
	expect(await profiles()).toMatchObject({ [bootstrap]: "disabled" });
	expect(await run({ type: "disable", parameters: { iccid: bootstrap } })).toMatchObject({
		state: "failed",
		reason: { code: "disable: profileNotInEnabledState(2)" },
	});
	expect(await ask("BF2D055C039F705A")).not.toContain("9F700101");
	psmo(where, "disable");
});

procedure("3.4.3 Delete Profile", async (where) => {
	const { run, profiles, ask } = await start(where);
	await run({ type: "listProfiles", parameters: {} });
	expect(await run({ type: "delete", parameters: { iccid: bootstrap } })).toMatchObject({
		state: "failed",
		reason: { code: "delete: profileNotInDisabledState(2)" },
	});
	expect(await run({ type: "delete", parameters: { iccid: target } })).toMatchObject(SUCCEEDED);
	expect(await profiles()).toEqual({ [bootstrap]: "enabled" });
	expect((await ask("BF2D035C015A")).match(/5A0A/g)).toHaveLength(1);
	psmo(where, "delete");
});

procedure("5.13.4 List Profile Information", async (where) => {
	const { run, profiles } = await start(where);
	expect(await run({ type: "listProfiles", parameters: {} })).toMatchObject(SUCCEEDED);
	expect(await profiles()).toEqual({ [bootstrap]: "enabled", [target]: "disabled" });
	const parameters = { search: { iccid: bootstrap }, tags: ["5A", "9F70", "9F26"] };
	expect(await run({ type: "listProfiles", parameters })).toMatchObject(SUCCEEDED);
	// A list of one is no list of all: the other profile stays known.
	expect(await profiles()).toEqual({ [bootstrap]: "enabled", [target]: "disabled" });
	psmo(where, "listProfileInfo", "listProfileInfo with search and tag list");
});

procedure("Get RAT (PSMO)", async (where) => {
	const { run, deviceRow } = await start(where);
	const outcome = { rules: expect.any(Array) };
	expect(await run({ type: "getRat", parameters: {} })).toMatchObject({ ...SUCCEEDED, outcome });
	expect((await deviceRow())?.rulesAuthorisationTable?.[0]).toBe(0x30);
	psmo(where, "getRAT");
});

procedure("5.13.6 Configure Immediate Enabling", async (where) => {
	const { run, deviceRow } = await start(where);
	const parameters = { isAllowed: true, smdpOid: "2.999.10", smdpAddress: "smdp.example.com" };
	expect(await run({ type: "configureImmediateEnable", parameters })).toMatchObject(SUCCEEDED);
	expect((await deviceRow())?.immediateEnable).toEqual(parameters);
	psmo(where, "configureImmediateEnable");
});

procedure("3.4.6 Set Fallback Attribute", async (where) => {
	const { run, eim, eid, ask } = await start(where);
	expect(await run({ type: "setFallbackAttribute", parameters: { iccid: bootstrap } })).toMatchObject(SUCCEEDED);
	await run({ type: "listProfiles", parameters: {} });
	const fallback = (await eim.store.listProfiles(eid)).filter((one) => one.isFallback);
	expect(fallback).toMatchObject([{ iccid: bootstrap }]);
	expect(await ask("BF2D055C039F265A")).toContain("9F2601FF");
	psmo(where, "setFallbackAttribute");
});

procedure("Unset Fallback Attribute (PSMO)", async (where) => {
	const { run, eim, eid, ask } = await start(where);
	await run({ type: "setFallbackAttribute", parameters: { iccid: bootstrap } });
	expect(await run({ type: "unsetFallbackAttribute", parameters: {} })).toMatchObject(SUCCEEDED);
	expect((await eim.store.listProfiles(eid)).filter((one) => one.isFallback)).toEqual([]);
	expect(await run({ type: "unsetFallbackAttribute", parameters: {} })).toMatchObject({
		state: "failed",
		reason: { code: "unsetFallbackAttribute: noFallbackAttribute(2)" },
	});
	expect(await ask("BF2D055C039F265A")).not.toContain("9F2601FF");
	psmo(where, "unsetFallbackAttribute");
});

procedure("Set Default SM-DP+ Address (PSMO)", async (where) => {
	const { run, deviceRow, ask } = await start(where);
	const set = (smdpAddress: string) => run({ type: "setDefaultDpAddress", parameters: { smdpAddress } });
	expect(await set("smdp.example.com")).toMatchObject(SUCCEEDED);
	expect((await deviceRow())?.defaultSmdpAddress).toBe("smdp.example.com");
	expect(await set("")).toMatchObject(SUCCEEDED);
	expect((await deviceRow())?.defaultSmdpAddress).toBeUndefined();
	expect(await ask("BF3C00")).not.toContain("80");
	psmo(where, "setDefaultDpAddress");
});

const eco = (where: Where, ...functions: string[]) => where.shows({ interface: "ESep eCO", functions });

procedure("Add eIM (eCO)", async (where) => {
	const { run, deviceRow } = await start(where);
	const other = otherEim("other.example.com");
	await run({ type: "listEims", parameters: {} });
	const added = await run({ type: "addEim", parameters: other.told() });
	expect(added).toMatchObject({ ...SUCCEEDED, outcome: { eimId: other.eimId, associationToken: 2 } });
	expect((await deviceRow())?.cardEims?.map(({ eimId }) => eimId)).toEqual([EIM_ID, other.eimId]);
	expect(await run({ type: "addEim", parameters: other.told() })).toMatchObject({
		state: "failed",
		reason: { code: "addEim: associatedEimAlreadyExists(2)" },
	});
	eco(where, "addEim");
});

procedure("Update eIM (eCO)", async (where) => {
	const { run } = await start(where);
	const other = otherEim("other.example.com");
	expect(await run({ type: "updateEim", parameters: other.told() })).toMatchObject({ state: "failed" });
	await run({ type: "addEim", parameters: other.told() });
	expect(await run({ type: "updateEim", parameters: other.told() })).toMatchObject(SUCCEEDED);
	// Its own configuration; what it signs afterwards is taken as before.
	expect(await run({ type: "updateEim", parameters: {} })).toMatchObject(SUCCEEDED);
	expect(await run({ type: "listProfiles", parameters: {} })).toMatchObject(SUCCEEDED);
	eco(where, "updateEim");
});

procedure("Delete eIM (eCO)", async (where) => {
	const { run, deviceRow, ask } = await start(where);
	const other = otherEim("other.example.com");
	await run({ type: "addEim", parameters: other.told() });
	await run({ type: "listEims", parameters: {} });
	expect(await run({ type: "deleteEim", parameters: { eimId: other.eimId } })).toMatchObject(SUCCEEDED);
	expect((await deviceRow())?.cardEims?.map(({ eimId }) => eimId)).toEqual([EIM_ID]);
	expect(await ask("BF5500")).not.toContain(Buffer.from(other.eimId).toString("hex").toUpperCase());
	eco(where, "deleteEim");
});

procedure("List eIM (eCO)", async (where) => {
	const { run } = await start(where);
	const list = () => run({ type: "listEims", parameters: {} });
	expect(await list()).toMatchObject({ ...SUCCEEDED, outcome: { eims: [EIM_ID] } });
	const other = otherEim("other.example.com");
	await run({ type: "addEim", parameters: other.told() });
	expect(await list()).toMatchObject({ ...SUCCEEDED, outcome: { eims: [EIM_ID, other.eimId] } });
	eco(where, "listEim");
});
