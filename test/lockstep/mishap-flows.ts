/** Every procedure of the standard that an IPA outside of the card takes part in, as a flow that mishaps are played on. */

import type { DownloadParameters } from "@iot-esim/eim/domain/download";
import type { EuiccCommand } from "@iot-esim/eim/domain/euicc-command";
import { encode } from "@iot-esim/shared/asn1/schema";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import { SetDefaultDpAddressRequest } from "@iot-esim/shared/messages/sgp22/euicc-data";
import { StateChangeCauseCode } from "@iot-esim/shared/messages/sgp32/esipa-package";
import { IpaCapabilities } from "@iot-esim/shared/messages/sgp32/ipa-euicc-data";
import { fromHex } from "@iot-esim/shared/util/bytes";
import { Days, Seconds } from "@iot-esim/shared/util/duration";
import { expect, vi } from "vitest";
import { benchSettings } from "../procedures/ipa-device-bench.ts";
import { BOOTSTRAP_ICCID, OTHER_ICCID, SMDP_ADDRESS, SMDS_ADDRESS } from "../procedures/ipa-rooms-bench.ts";
import { otherEim } from "../support/eims.ts";
import { EIM_ID, esipaBench } from "../support/esipa-bench.ts";
import type { Flow, Scene } from "./mishap-scene.ts";

const bootstrap = Iccid(BOOTSTRAP_ICCID);
const other = Iccid(OTHER_ICCID);
const next = otherEim("next.example.com");

const enable: EuiccCommand = { type: "enable", parameters: { iccid: other, rollback: false } };
const list: EuiccCommand = { type: "listProfiles", parameters: {} };
const getRat: EuiccCommand = { type: "getRat", parameters: {} };
const fallbackIsBootstrap: EuiccCommand = { type: "setFallbackAttribute", parameters: { iccid: bootstrap } };

/** Orders one command after the other and lets the device execute them. */
const after =
	(...commands: readonly EuiccCommand[]) =>
	async (scene: Scene): Promise<void> => {
		for (const command of commands) await scene.bench.order(command);
		await scene.round();
		await scene.round();
	};

const deviceRow = ({ bench }: Scene) => bench.eim.store.loadDevice(bench.eid);

/** A command in a package of its own. */
function command(procedure: string, one: EuiccCommand, rest: Partial<Flow> = {}): Flow {
	return {
		procedure,
		kind: "package",
		order: async ({ bench }) => [await bench.order(one)],
		deciding: { command: "BF51" },
		...rest,
	};
}

const PSMO: readonly Flow[] = [
	command("3.1.1.1 eIM Package Retrieval", list, {
		order: async ({ bench }) => [await bench.order(list), await bench.order(getRat)],
	}),
	command("3.1.1.2 eIM Package Injection", list, { kind: "injection" }),
	command("3.3.1 Generic eUICC Package Download and Execution", list, {
		order: async ({ bench }) => {
			const commands = [list, { type: "disable", parameters: { iccid: bootstrap } }, enable] as const;
			return [await bench.order({ type: "euiccPackage", parameters: { commands } })];
		},
		enabled: OTHER_ICCID,
	}),
	command("3.4.1 Enable Profile", enable, { enabled: OTHER_ICCID }),
	command(
		"5.9.16 Profile Rollback",
		{ type: "enable", parameters: { iccid: other, rollback: true } },
		{
			options: { settings: { procedures: { ...benchSettings.procedures, rollbackAfter: Seconds(20) } } },
			prepare: async ({ bench }) => {
				bench.isAttached = async () => (await bench.enabledIccid()) === BOOTSTRAP_ICCID;
			},
			state: "rolled-back",
		},
	),
	command("3.4.2 Disable Profile", { type: "disable", parameters: { iccid: bootstrap } }, { enabled: "none" }),
	command("3.4.3 Delete Profile", { type: "delete", parameters: { iccid: other } }, { iccids: [BOOTSTRAP_ICCID] }),
	command("5.13.4 List Profile Information", list, {
		agreed: async ({ bench }) => expect(await bench.eim.store.listProfiles(bench.eid)).toHaveLength(2),
	}),
	command("Get RAT (PSMO)", getRat, {
		agreed: async (scene) => expect((await deviceRow(scene))?.rulesAuthorisationTable).toBeDefined(),
	}),
	command(
		"5.13.6 Configure Immediate Enabling",
		{ type: "configureImmediateEnable", parameters: { isAllowed: true, smdpAddress: SMDP_ADDRESS } },
		{ agreed: async (scene) => expect((await deviceRow(scene))?.immediateEnable).toMatchObject({ isAllowed: true }) },
	),
	command("3.4.6 Set Fallback Attribute", fallbackIsBootstrap),
	command(
		"Unset Fallback Attribute (PSMO)",
		{ type: "unsetFallbackAttribute", parameters: {} },
		{ prepare: after(fallbackIsBootstrap) },
	),
	command(
		"Set Default SM-DP+ Address (PSMO)",
		{ type: "setDefaultDpAddress", parameters: { smdpAddress: SMDP_ADDRESS } },
		{ agreed: async (scene) => expect((await deviceRow(scene))?.defaultSmdpAddress).toBe(SMDP_ADDRESS) },
	),
];

const addNext: EuiccCommand = { type: "addEim", parameters: next.told() };
const eimsOnCard = (...ids: readonly string[]) => ({
	finish: async (scene: Scene) => {
		const { bench } = scene;
		const id = await bench.order({ type: "listEims", parameters: {} });
		await scene.round();
		expect(await bench.eim.store.loadOperation(id)).toMatchObject({ state: "succeeded", outcome: { eims: ids } });
	},
});

const ECO: readonly Flow[] = [
	command("Add eIM (eCO)", addNext, eimsOnCard(EIM_ID, next.eimId)),
	command(
		"Update eIM (eCO)",
		{ type: "updateEim", parameters: next.told() },
		{ prepare: after(addNext), ...eimsOnCard(EIM_ID, next.eimId) },
	),
	command(
		"Delete eIM (eCO)",
		{ type: "deleteEim", parameters: { eimId: next.eimId } },
		{ prepare: after(addNext), ...eimsOnCard(EIM_ID) },
	),
	command("List eIM (eCO)", { type: "listEims", parameters: {} }),
];

/** The first eIM adds the second; after that the second has the device alone. */
const HAND_OVER: Flow = command("Hand-over of a device to another eIM", addNext, {
	prepare: async ({ bench, closing }) => {
		const second = await esipaBench({ pki: bench.eim.pki, settings: { eimId: next.eimId }, signer: next.signer });
		closing.push(second.close);
		bench.faces.set(next.eimId, second.face);
		await second.register(bench.eid);
		seconds.set(bench, second);
	},
	finish: async (scene) => {
		const { bench } = scene;
		const { eid } = bench;
		const second = seconds.get(bench);
		const [added] = await Promise.all(scene.operations.map((id) => bench.eim.store.loadOperation(id)));
		await second?.store.changeDevice(eid, { associationToken: Number(added?.outcome?.associationToken) });
		const remove = await second?.order(eid, { type: "deleteEim", parameters: { eimId: EIM_ID } }, Days(30));
		for (let round = 0; round < 10 && (await second?.state(remove ?? "")) !== "succeeded"; round++) await scene.round();
		expect(await second?.state(remove ?? "")).toBe("succeeded");
		const late = await bench.order(list);
		await scene.round();
		expect(await bench.eim.state(late)).toBe("queued");
	},
});
const seconds = new WeakMap<Scene["bench"], Awaited<ReturnType<typeof esipaBench>>>();

/** The eIM was told the cause, and has read the device anew since. */
const told = (cause: number) => async (scene: Scene) => {
	const { bench } = scene;
	expect((await deviceRow(scene))?.lastStateChangeCause).toBe(cause);
	const { items } = await bench.eim.store.listOperations({ eid: bench.eid, origin: "eim", limit: 20 });
	expect(items.length).toBeGreaterThan(0);
	expect(items.map(({ type, state }) => `${type} ${state}`)).toEqual(items.map(({ type }) => `${type} succeeded`));
};

const isEnabled = (iccid: string) => async (scene: Scene) => (await scene.bench.enabledIccid()) === iccid;
const { fallback, emergencyProfile, reset, local, immediateEnableProfile } = StateChangeCauseCode;

const LOCAL: readonly Flow[] = [
	{
		procedure: "5.14.5 State change of the device, told by notifyStateChange",
		kind: "package",
		local: [{ action: { type: "set-default-smdp", address: SMDP_ADDRESS } }],
		deciding: { command: "BF65" },
		agreed: async (scene) => {
			await told(local)(scene);
			expect((await deviceRow(scene))?.defaultSmdpAddress).toBe(SMDP_ADDRESS);
		},
	},
	{
		procedure: "5.9.20, 5.9.21 Fallback and return from it",
		kind: "package",
		prepare: after(fallbackIsBootstrap, enable),
		local: [{ action: { type: "execute-fallback" }, isDone: isEnabled(BOOTSTRAP_ICCID) }],
		deciding: { command: "BF5D" },
		agreed: told(fallback),
		finish: async ({ bench, ipa }) => {
			expect(await bench.inTime(ipa.perform({ type: "return-from-fallback" }))).toMatchObject({ isDone: true });
			expect(await bench.enabledIccid()).toBe(OTHER_ICCID);
		},
	},
	{
		procedure: "5.9.22, 5.9.23 Emergency Profile",
		kind: "package",
		options: { isForEcall: true },
		prepare: after(enable),
		local: [
			{ action: { type: "enable-emergency-profile" }, isDone: isEnabled(BOOTSTRAP_ICCID) },
			{ action: { type: "disable-emergency-profile" }, isDone: isEnabled(OTHER_ICCID) },
		],
		deciding: { command: "BF5B" },
		enabled: OTHER_ICCID,
		agreed: told(emergencyProfile),
	},
	{
		procedure: "5.9.5 eUICC Memory Reset",
		kind: "package",
		prepare: after(enable),
		local: [
			{
				action: { type: "reset-memory", options: { operationalProfiles: true } },
				isDone: async ({ bench }) => (await bench.iccids()).length === 0,
			},
		],
		deciding: { command: "BF64" },
		enabled: "none",
		iccids: [],
		agreed: told(reset),
	},
];

const download = ({ bench }: Scene, parameters: DownloadParameters) => bench.order({ type: "download", parameters });

/** The SM-DP+ has given the profile out once, and knows that it is installed. */
const installed = async ({ bench }: Scene) => {
	expect(bench.smdp.profiles().find((one) => one.iccid === OTHER_ICCID)?.state).toBe("installed");
	const installs = bench.smdp.notifications().filter(({ event }) => event === "install");
	expect(installs.every(({ isVerified }) => isVerified)).toBe(true);
	// A load that a power cut ended is told as a failure before the one that came through.
	expect(installs.filter(({ result }) => result === "success")).toEqual(installs.slice(-1));
};

const NOTIFICATIONS: Flow = {
	procedure: "3.7 Notification Delivery to Notification Receivers",
	kind: "package",
	options: { moreProfiles: [] },
	prepare: async (scene) => {
		await scene.bench.orderDownload(OTHER_ICCID);
		await scene.round();
		await scene.round();
		await installed(scene);
	},
	order: async ({ bench }) => [await bench.order(enable)],
	enabled: OTHER_ICCID,
	deciding: { command: "BF51" },
	never: {
		"result for an unknown transaction":
			"a notification has no transaction: whichever eIM gets it hands it on to the SM-DP+, also one that does not know the device",
		"EUM outside its EID range": "the SM-DP+ gives such a card no profile that it could notify anybody of",
	},
	agreed: async ({ bench }) => {
		const notifications = bench.smdp.notifications();
		expect(notifications.map(({ event }) => event).sort()).toEqual(["enable", "install"]);
		expect(notifications.every(({ isVerified }) => isVerified)).toBe(true);
	},
};

export const PACKAGE_FLOWS: readonly Flow[] = [...PSMO, ...ECO, HAND_OVER, ...LOCAL, NOTIFICATIONS];

const DATA: Flow = {
	procedure: "2.11.1.2 IPA and eUICC Data Request",
	kind: "data",
	order: async ({ bench }) => [await bench.order({ type: "readEuiccData", parameters: {} })],
	deciding: { command: "BF56" },
	agreed: async (scene) => {
		expect((await deviceRow(scene))?.euiccCertificate).toEqual(scene.bench.eim.known.euiccCertificate);
	},
};

const BPP = { command: "BF36", answer: "BF37" };

/** The forms of a download: what is there before, and how it is ordered. */
const SOURCES: Readonly<Record<string, Pick<Flow, "options" | "prepare" | "order">>> = {
	"by activation code": { order: async ({ bench }) => [await bench.orderDownload(OTHER_ICCID)] },
	"from the default SM-DP+": {
		options: { beforeAssociation: [encode(SetDefaultDpAddressRequest, { defaultDpAddress: SMDP_ADDRESS })] },
		prepare: async (scene) => {
			await scene.bench.eim.store.changeDevice(scene.bench.eid, { defaultSmdpAddress: SMDP_ADDRESS });
		},
		order: async (scene) => {
			await scene.bench.releaseProfile(OTHER_ICCID, "", { eid: scene.bench.eid, matchingId: "" });
			return [await download(scene, { contact: "defaultSmdp" })];
		},
	},
	"by SM-DS": {
		options: { card: { rootSmdsAddress: SMDS_ADDRESS } },
		order: async (scene) => {
			const { bench } = scene;
			await bench.releaseProfile(OTHER_ICCID, "", { eid: bench.eid, smdsAddress: SMDS_ADDRESS });
			await bench.inTime(vi.waitFor(() => expect(bench.smds.events()).toHaveLength(1), 15_000));
			return [await download(scene, { contact: "smds", smdsAddress: SMDS_ADDRESS })];
		},
	},
};

const downloads = (section: string, kind: "indirect download" | "direct download"): readonly Flow[] =>
	Object.entries(SOURCES).map(([form, source]) => ({
		procedure: `${section} ${form}`,
		kind,
		...source,
		options: { ...source.options, moreProfiles: [] },
		deciding: BPP,
		agreed: installed,
		// Nothing in a result of a direct download is signed for an eIM. One without the operation takes it for a result
		// whose time is over; the other asks again, and learns of the SM-DP+ that the profile is installed.
		...(kind === "direct download" ? { stateAfter: { "result for an unknown transaction": "failed" } } : {}),
	}));

const IMMEDIATE: Flow = {
	procedure: "5.9.15 Immediate Profile Enabling",
	kind: "indirect download",
	options: {
		moreProfiles: [],
		beforeAssociation: [fromHex("BF59028000")],
		settings: { procedures: { ...benchSettings.procedures, immediateEnable: true } },
	},
	order: async ({ bench }) => [await bench.orderDownload(OTHER_ICCID)],
	deciding: { command: "BF5A" },
	enabled: OTHER_ICCID,
	// The card enables it in the session of its installation or not at all; what it did before it lost its power stays.
	enabledAfter: { "card removed": BOOTSTRAP_ICCID, "power cut after any APDU": "either" },
	agreed: async (scene) => {
		await installed(scene);
		if (await isEnabled(OTHER_ICCID)(scene)) await told(immediateEnableProfile)(scene);
	},
};

/** The SM-DP+ offers another profile than was ordered. */
const CANCELLED: Flow = {
	procedure: "5.14.8 Cancel Session (SGP.22 section 3.0.2)",
	kind: "cancelled download",
	options: { moreProfiles: [] },
	prepare: async ({ bench }) => {
		const ipaCapabilities = encode(IpaCapabilities, { ipaFeatures: "0111" });
		await bench.eim.store.changeDevice(bench.eid, { ipaCapabilities });
	},
	order: async (scene) => {
		const matchingId = await scene.bench.releaseProfile(OTHER_ICCID);
		const expected = { iccid: Iccid("8900101000000000034") };
		return [await download(scene, { smdpAddress: SMDP_ADDRESS, matchingId, expected })];
	},
	deciding: { command: "BF41" },
	state: "failed",
	iccids: [BOOTSTRAP_ICCID],
	agreed: async ({ bench, operations }) => {
		const code = "cancelSession: metadataMismatch(4)";
		expect(await bench.eim.store.loadOperation(operations[0] ?? "")).toMatchObject({ reason: { code } });
		// A session whose end nobody was left to sign is given up by the SM-DP+ itself.
		const order = bench.smdp.profiles().find((one) => one.iccid === OTHER_ICCID)?.state;
		expect(order).toMatch(/^(error|released)$/);
	},
};

export const OTHER_FLOWS: readonly Flow[] = [
	DATA,
	...downloads("3.2.3.2 Indirect Profile Download", "indirect download"),
	...downloads("3.2.3.1 Direct Profile Download", "direct download"),
	IMMEDIATE,
	CANCELLED,
];
