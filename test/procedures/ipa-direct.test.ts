import { encode } from "@iot-esim/shared/asn1/schema";
import { SetDefaultDpAddressRequest } from "@iot-esim/shared/messages/sgp22/euicc-data";
import { utf8 } from "@iot-esim/shared/util/bytes";
import { Minutes } from "@iot-esim/shared/util/duration";
import { afterEach, describe, expect, it, onTestFailed, vi } from "vitest";
import { shows } from "../conformance/claim.ts";
import { benchSettings } from "./ipa-device-bench.ts";
import { BOOTSTRAP_ICCID, OTHER_ICCID, RoomsBench, SMDP_ADDRESS, SMDS_ADDRESS } from "./ipa-rooms-bench.ts";

const benches: RoomsBench[] = [];
afterEach(async () => {
	for (const bench of benches.splice(0)) await bench.close();
});

type Options = Parameters<typeof RoomsBench.start>[0];

async function start(options: Options = {}): Promise<RoomsBench> {
	const bench = await RoomsBench.start({ direct: "json", ...options });
	benches.push(bench);
	onTestFailed(() => console.log(bench.log()));
	return bench;
}

const defaultSmdp = encode(SetDefaultDpAddressRequest, { defaultDpAddress: SMDP_ADDRESS });

/** What all three parties agree on after a direct download. */
async function expectInstalled(bench: RoomsBench, download: string): Promise<void> {
	expect(await bench.eim.state(download)).toBe("succeeded");
	expect(await bench.iccids()).toEqual([BOOTSTRAP_ICCID, OTHER_ICCID]);
	expect(bench.smdp.profiles().find((one) => one.iccid === OTHER_ICCID)?.state).toBe("installed");
	expect(await bench.leftOnCard()).toBe(0);
}

async function expectFailed(bench: RoomsBench, download: string, reason: string): Promise<void> {
	const ipa = await bench.restart();
	await bench.round(ipa);
	await bench.round(ipa);
	expect(await bench.eim.state(download)).toBe("failed");
	expect(await bench.iccids()).toEqual([BOOTSTRAP_ICCID]);
	const failures = bench.events.filter((event) => event.type === "download-failed");
	expect(failures).toEqual([expect.objectContaining({ reason: expect.stringContaining(reason) })]);
}

/** Every form of ES9+ on every curve, and every form of ESipa on every curve, in as few runs as that takes. */
const FORMS = [
	["json", "asn1", "P-256"],
	["asn1", "json", "brainpoolP256r1"],
	["asn1", "json", "P-256"],
	["json", "asn1", "brainpoolP256r1"],
] as const;

describe.each(FORMS)(
	"direct profile download (SGP.32 §3.2.3.1), ES9+ in %s, ESipa in %s, on %s",
	(direct, binding, curve) => {
		const session = ["InitiateAuthentication", "AuthenticateClient", "GetBoundProfilePackage", "HandleNotification"];
		const card = [
			...[
				"GetEUICCInfo",
				"GetEUICCChallenge",
				"GetEID",
				"PrepareDownload",
				"LoadBoundProfilePackage",
				"AuthenticateServer",
			],
			...[
				"RetrieveNotificationsList",
				"NotificationSent",
				"GetProfilesInfo",
				"AddInitialEim",
				"GetEimConfigurationData",
			],
		];

		it("by activation code", async (context) => {
			const bench = await start({ direct, binding, curve });
			const download = await bench.orderDownload(OTHER_ICCID);
			await bench.round(await bench.restart());
			await expectInstalled(bench, download);
			expect(bench.log()).not.toContain("ESipa.InitiateAuthentication");
			expect(bench.events).toContainEqual(
				expect.objectContaining({ type: "notification-delivered", eimId: SMDP_ADDRESS }),
			);
			shows(context, { interface: "eIM packages", functions: ["direct download by activation code"], binding, curve });
			shows(context, { interface: "ES9+", sides: ["IPA", "SM-DP+"], functions: session, binding: direct, curve });
			shows(context, { interface: "ES10a, ES10b, ES10c", functions: card, curve });
		});

		it("from the default SM-DP+ of the card", async (context) => {
			const bench = await start({ direct, binding, curve, beforeAssociation: [defaultSmdp] });
			await bench.releaseProfile(OTHER_ICCID, "", { eid: bench.eid, matchingId: "" });
			const download = await bench.order({ type: "download", parameters: { contact: "defaultSmdp" } });
			await bench.round(await bench.restart());
			await expectInstalled(bench, download);
			const functions = ["direct download from the default SM-DP+"];
			shows(context, { interface: "eIM packages", functions, binding, curve });
			shows(context, { interface: "ES10a, ES10b, ES10c", functions: ["GetEuiccConfiguredAddresses"], curve });
		});

		it("through the SM-DS that the card names, whose event leads to the SM-DP+", async (context) => {
			const bench = await start({ direct, binding, curve, card: { rootSmdsAddress: SMDS_ADDRESS } });
			await bench.releaseProfile(OTHER_ICCID, "", { eid: bench.eid, smdsAddress: SMDS_ADDRESS });
			const download = await bench.order({ type: "download", parameters: { contact: "smds" } });
			await bench.inTime(vi.waitFor(() => expect(bench.smds.events()).toHaveLength(1), 15_000));
			await bench.round(await bench.restart());
			await expectInstalled(bench, download);
			const path = direct === "json" ? "es9plus/authenticateClient" : "asn1";
			expect(bench.servers.requests).toContain(`${SMDS_ADDRESS}/gsma/rsp2/${path}`);
			shows(context, { interface: "eIM packages", functions: ["direct download by SM-DS"], binding, curve });
			const functions = ["InitiateAuthentication", "AuthenticateClient"];
			shows(context, { interface: "ES11", sides: ["IPA", "SM-DS"], functions, binding: direct, curve });
		});

		it("is cancelled at card and SM-DP+ when policy rules are not authorised", async (context) => {
			const bench = await start({ direct, binding, curve, card: { rulesAuthorisationTable: [] } });
			const download = await bench.orderDownload(OTHER_ICCID, 'policyRules: ["ppr1"]');
			await expectFailed(bench, download, "ppr1 is not authorised");
			const path = direct === "json" ? "es9plus/cancelSession" : "asn1";
			expect(bench.servers.requests.at(-1)).toBe(`${SMDP_ADDRESS}/gsma/rsp2/${path}`);
			expect(bench.log()).toContain("step 9: ES10b.CancelSession");
			expect(bench.log()).not.toContain("CancelSession refused");
			shows(context, {
				interface: "ES9+",
				sides: ["IPA", "SM-DP+"],
				functions: ["CancelSession"],
				binding: direct,
				curve,
			});
			shows(context, { interface: "ES10a, ES10b, ES10c", functions: ["CancelSession", "GetRAT"], curve });
		});
	},
);

describe("a direct download that must not go on", () => {
	it("says that a confirmation code is missing, and goes on with the one of the device", async () => {
		const bench = await start();
		const download = await bench.orderDownload(OTHER_ICCID, "", { confirmationCode: "1234" });
		await expectFailed(bench, download, "download.confirmationCode is not set");
		const procedures = { ...benchSettings.procedures, confirmationCode: "1234" };
		const other = await start({ settings: { procedures } });
		const second = await other.orderDownload(OTHER_ICCID, "", { confirmationCode: "1234" });
		await other.round(await other.restart());
		await expectInstalled(other, second);
	});

	it("says in words what the SM-DP+ refuses", async () => {
		const bench = await start();
		const parameters = { smdpAddress: SMDP_ADDRESS, matchingId: "NO-SUCH-ORDER" };
		const download = await bench.order({ type: "download", parameters });
		await expectFailed(bench, download, "there is no order with this matching identifier");
	});

	it("says that the SM-DS has no event for this card", async () => {
		const bench = await start({ card: { rootSmdsAddress: SMDS_ADDRESS } });
		const download = await bench.order({ type: "download", parameters: { contact: "smds" } });
		await expectFailed(bench, download, `the SM-DS ${SMDS_ADDRESS} has no event for this eUICC`);
	});

	it("gives the eIM the card's own result when the card refuses the profile", async () => {
		const bench = await start();
		const download = await bench.orderDownload(BOOTSTRAP_ICCID);
		await bench.round(await bench.restart());
		expect(await bench.eim.state(download)).toBe("failed");
		expect(bench.events).toContainEqual(
			expect.objectContaining({ type: "download-failed", reason: expect.stringContaining("errorReason 9") }),
		);
		expect(await bench.leftOnCard()).toBe(0);
	});
});

describe("servers that cannot be reached", () => {
	it("are tried again as often as the settings say, with the trigger of the eIM; then the eIM is told", async () => {
		const procedures = { ...benchSettings.procedures, downloadAttempts: 3 };
		const bench = await start({ settings: { procedures } });
		const download = await bench.orderDownload(OTHER_ICCID);
		bench.servers.isReachable = () => false;
		const ipa = await bench.restart();
		for (let round = 0; round < 2; round++) await bench.round(ipa);
		expect(await bench.eim.state(download)).not.toBe("failed");
		await bench.round(await bench.restart());
		expect(await bench.eim.state(download)).toBe("failed");
		expect(bench.events.filter((event) => event.type === "download-postponed")).toHaveLength(2);
	});

	it("leave the installation result on the card, which comes along when the eIM lists profiles, and the eIM forwards it", async () => {
		const bench = await start();
		const download = await bench.orderDownload(OTHER_ICCID);
		let isCut = true;
		bench.servers.instead = (_host, path) =>
			isCut && path.endsWith("handleNotification") ? { status: 503, body: utf8("busy") } : undefined;
		const ipa = await bench.restart();
		await bench.round(ipa);
		expect(await bench.eim.state(download)).toBe("succeeded");
		expect(bench.smdp.notifications()).toEqual([]);
		isCut = false;
		await bench.eim.clock.advance(Minutes(1));
		await bench.round(ipa);
		await expectInstalled(bench, download);
	});

	it.each([
		["by the device at the second attempt", true],
		["through the eIM when that fails as well", false],
	])("get the installation result %s, also after a restart", async (_what, isBack) => {
		const bench = await start();
		const download = await bench.orderDownload(OTHER_ICCID);
		let isCut = true;
		bench.servers.instead = (_host, path) =>
			isCut && path.endsWith("handleNotification") ? { status: 503, body: utf8("busy") } : undefined;
		bench.isAttached = () => !bench.events.some((event) => event.type === "result-delivered");
		await bench.round(await bench.restart());
		expect(await bench.leftOnCard()).toBe(1);
		expect((await bench.journal()).state.waitingNotifications).toHaveLength(1);
		isCut = !isBack;
		bench.isAttached = () => true;
		bench.events.length = 0;
		const ipa = await bench.restart();
		await bench.round(ipa);
		const delivered = bench.events.filter(({ type }) => type === "notification-delivered");
		expect(delivered).toHaveLength(isBack ? 1 : 0);
		isCut = false;
		await bench.eim.clock.advance(Minutes(1));
		await bench.round(ipa);
		await expectInstalled(bench, download);
		expect(bench.smdp.notifications()).toHaveLength(1);
		expect((await bench.journal()).state.waitingNotifications).toEqual([]);
	});

	it("keep the result for an eIM that cannot be reached, over a restart", async () => {
		const bench = await start();
		const download = await bench.orderDownload(OTHER_ICCID);
		bench.isAttached = () => !bench.events.some((event) => event.type === "profile-installed");
		await bench.round(await bench.restart());
		expect(await bench.eim.state(download)).not.toBe("succeeded");
		bench.isAttached = () => true;
		await bench.round(await bench.restart());
		await expectInstalled(bench, download);
	});
});
