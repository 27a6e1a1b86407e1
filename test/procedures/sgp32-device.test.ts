/**
 * What a device does with its own card (SGP.32 sections 3.5, 3.7, 3.8 and 5.9), procedure by procedure: the card does it,
 * and the eIM hears of it.
 */

import type { EuiccCommand } from "@iot-esim/eim/domain/euicc-command";
import type { LocalAction } from "@iot-esim/ipa/procedures/local-actions";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import { StateChangeCauseCode } from "@iot-esim/shared/messages/sgp32/esipa-package";
import { expect, onTestFailed, onTestFinished } from "vitest";
import { procedure, type Where } from "../support/procedure.ts";
import { BOOTSTRAP, type ChainOptions, ipaSettings, TARGET, wholeChain } from "../support/whole-chain.ts";
import { ipaeBench } from "./ipae-bench.ts";

const bootstrap = Iccid(BOOTSTRAP);
const target = Iccid(TARGET);
const ES10 = "ES10a, ES10b, ES10c";

async function start({ binding, curve }: Where, options: ChainOptions = {}) {
	const chain = await wholeChain({ binding, curve, ...options });
	onTestFinished(chain.close);
	const { eim, eid, ipa, round } = chain;
	return {
		...chain,
		/** Orders, lets the device poll; the state of the operation. */
		run: async (command: EuiccCommand) => {
			const id = await eim.order(eid, command);
			await round();
			return eim.state(id);
		},
		/** Something that the device does by itself, and the polls that follow. */
		perform: async (action: LocalAction) => {
			const outcome = await ipa.perform(action);
			await round();
			return outcome;
		},
		causeTold: async () => (await eim.store.loadDevice(eid))?.lastStateChangeCause,
	};
}

/** The device on its own profile, with the one from the factory to fall back to. */
async function onOwnProfile(where: Where, options: ChainOptions = {}) {
	const chain = await start(where, { moreProfiles: [target], ...options });
	expect(await chain.run({ type: "setFallbackAttribute", parameters: { iccid: bootstrap } })).toBe("succeeded");
	expect(await chain.run({ type: "enable", parameters: { iccid: target, rollback: false } })).toBe("succeeded");
	return chain;
}

procedure("5.9.15 Immediate Profile Enabling", async (where) => {
	const procedures = { ...ipaSettings.procedures, immediateEnable: true };
	const chain = await start(where, { ipa: { procedures }, beforeAssociation: ["BF59028000"] });
	const download = await chain.orderDownload();
	await chain.round();
	await chain.round();
	expect(await chain.eim.store.loadOperation(download)).toMatchObject({
		state: "succeeded",
		outcome: { iccid: target },
	});
	expect(await chain.profiles()).toEqual({ [bootstrap]: "disabled", [target]: "enabled" });
	expect(await chain.causeTold()).toBe(StateChangeCauseCode.immediateEnableProfile);
	where.shows({ interface: ES10, functions: ["ImmediateEnable"] });
});

procedure("5.9.20, 5.9.21 Fallback and return from it", async (where) => {
	const chain = await onOwnProfile(where);
	expect(await chain.perform({ type: "execute-fallback" })).toMatchObject({ isDone: true });
	expect(await chain.profiles()).toEqual({ [bootstrap]: "enabled", [target]: "disabled" });
	expect(await chain.causeTold()).toBe(StateChangeCauseCode.fallback);
	// The profile to return to must stay.
	expect(await chain.run({ type: "delete", parameters: { iccid: target } })).toBe("failed");
	expect(await chain.perform({ type: "return-from-fallback" })).toMatchObject({ isDone: true });
	await chain.eim.clock.advance(61_000);
	await chain.round();
	expect(await chain.run({ type: "listProfiles", parameters: {} })).toBe("succeeded");
	expect(await chain.profiles()).toEqual({ [bootstrap]: "disabled", [target]: "enabled" });
	where.shows({ interface: ES10, functions: ["ExecuteFallbackMechanism", "ReturnFromFallback"] });
});

procedure("5.9.22, 5.9.23 Emergency Profile", async (where) => {
	const chain = await onOwnProfile(where, { isForEcall: true });
	const { eim, eid, ipa } = chain;
	expect(await ipa.perform({ type: "enable-emergency-profile" })).toMatchObject({ isDone: true });
	for (const action of [
		{ type: "execute-fallback" },
		{ type: "reset-memory", options: { operationalProfiles: true } },
	] as const) {
		expect(await ipa.perform(action)).toMatchObject({ isDone: false, name: "ecallActive" });
	}
	const waiting = await eim.order(eid, { type: "getRat", parameters: {} });
	await ipa.pollOnce();
	expect(await eim.state(waiting)).toMatch(/^(queued|sent)$/);
	expect(await chain.causeTold()).toBe(StateChangeCauseCode.emergencyProfile);
	expect(await chain.perform({ type: "disable-emergency-profile" })).toMatchObject({ isDone: true });
	// The command waited for the end of the call.
	await chain.round();
	expect(await eim.store.loadOperation(waiting)).toMatchObject({ state: "succeeded" });
	expect(await chain.run({ type: "listProfiles", parameters: {} })).toBe("succeeded");
	expect(await chain.profiles()).toEqual({ [bootstrap]: "disabled", [target]: "enabled" });
	where.shows({ interface: ES10, functions: ["EnableEmergencyProfile", "DisableEmergencyProfile"] });
});

procedure("3.5.2 Add Initial eIM", async (where) => {
	const chain = await start(where, { isAssociated: false });
	expect(await chain.associate()).toEqual({ addInitialEimOk: [{ associationToken: 1 }] });
	// Whoever comes later is refused: now the eIM decides who is added.
	expect(await chain.associate()).toMatchObject({ addInitialEimError: expect.any(Number) });
	expect(await chain.run({ type: "listProfiles", parameters: {} })).toBe("succeeded");
	expect(await chain.eim.store.loadDevice(chain.eid)).toMatchObject({ associationToken: 1 });
	where.shows({ interface: ES10, functions: ["AddInitialEim", "GetEimConfigurationData"] });
});

procedure("3.7 Notification Delivery to Notification Receivers", async (where) => {
	const { round, smdp, eim, eid, orderDownload, run, device, ipa } = await start(where);
	await orderDownload();
	await round();
	expect(await run({ type: "enable", parameters: { iccid: target, rollback: false } })).toBe("succeeded");
	await round();
	await eim.jobs.runDue();
	const delivered = smdp.notifications();
	expect(delivered.map(({ event }) => event).sort()).toEqual(["enable", "install"]);
	expect(delivered.every(({ isVerified }) => isVerified)).toBe(true);
	expect((await eim.store.listNotifications(eid, { limit: 5 })).items).toHaveLength(2);
	await ipa.close();
	await device.restart();
	expect(await device.ask("BF2B00")).toBe("BF2B02A000");
	where.shows({ interface: "ESipa", functions: ["HandleNotification"] });
	where.shows({ interface: ES10, functions: ["RetrieveNotificationsList", "NotificationSent"] });
});

procedure("5.9.5 eUICC Memory Reset", async (where) => {
	const chain = await onOwnProfile(where);
	const options = { operationalProfiles: true };
	const outcome = await chain.perform({ type: "reset-memory", options });
	expect(outcome).toMatchObject({ isDone: true, reset: { resetResult: 0 } });
	expect(await chain.profiles()).toEqual({});
	expect(await chain.causeTold()).toBe(StateChangeCauseCode.reset);
	where.shows({ interface: ES10, functions: ["eUICCMemoryReset"] });
});

procedure("3.8.4 IPAe Activation", async ({ binding, curve, shows }) => {
	const bench = await ipaeBench({ binding, curve });
	onTestFinished(() => bench.close());
	onTestFailed(() => console.log(bench.log(), bench.types()));
	const { eim, eid, until, insert, activate, ask } = bench;
	expect(await activate()).toBe("BF4203800100");
	const list = await eim.order(eid, { type: "listProfiles", parameters: {} });
	await insert();
	await until(async () => (await eim.state(list)) === "succeeded");
	expect(await ask("BF2200")).toContain("900101");
	shows({ interface: "ESipa", functions: ["GetEimPackage", "ProvideEimPackageResult"] });
	shows({ interface: "IPAe", functions: ["activation", "poll and package"] });
});
