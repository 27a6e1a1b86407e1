/** Indirect downloads in their forms: eIM, IPA, eUICC, SM-DP+ and SM-DS by the octets between them (SGP.32 §3.2.3.2). */

import { encode } from "@iot-esim/shared/asn1/schema";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import { SetDefaultDpAddressRequest } from "@iot-esim/shared/messages/sgp22/euicc-data";
import { toHex, utf8 } from "@iot-esim/shared/util/bytes";
import { Minutes } from "@iot-esim/shared/util/duration";
import { afterEach, describe, expect, it, onTestFailed, vi } from "vitest";
import { OTHER_ICCID, RoomsBench, SMDP_ADDRESS, SMDS_ADDRESS } from "./ipa-rooms-bench.ts";

const benches: RoomsBench[] = [];
afterEach(async () => {
	for (const bench of benches.splice(0)) await bench.close();
});

async function start(options: Parameters<typeof RoomsBench.start>[0] = {}): Promise<RoomsBench> {
	const bench = await RoomsBench.start(options);
	benches.push(bench);
	onTestFailed(() => console.log(bench.log()));
	return bench;
}

/** Rounds of the device until nothing is open at the eIM, three at most. */
async function settle(bench: RoomsBench): Promise<void> {
	const ipa = await bench.restart();
	for (let round = 0; round < 3; round++) await bench.round(ipa);
	await ipa.close();
}

async function expectInstalled(bench: RoomsBench, download: string): Promise<void> {
	expect(await bench.eim.store.loadOperation(download)).toMatchObject({
		state: "succeeded",
		outcome: { iccid: OTHER_ICCID },
	});
	expect(await bench.iccids()).toContain(OTHER_ICCID);
	expect(bench.smdp.notifications()).toMatchObject([{ event: "install", result: "success", isVerified: true }]);
	expect(await bench.leftOnCard()).toBe(0);
}

describe("indirect profile download (SGP.32 §3.2.3.2)", () => {
	it("from the default SM-DP+ of the card, whose address the eIM asks the device for first", async () => {
		const bench = await start({
			beforeAssociation: [encode(SetDefaultDpAddressRequest, { defaultDpAddress: SMDP_ADDRESS })],
		});
		await bench.releaseProfile(OTHER_ICCID, "", { eid: bench.eid, matchingId: "" });
		const download = await bench.order({ type: "download", parameters: { contact: "defaultSmdp" } });
		await settle(bench);
		// The IPA gave up the first trigger; the second one came when the address was known.
		const device = await bench.eim.store.loadDevice(bench.eid);
		expect(device?.defaultSmdpAddress).toBe(SMDP_ADDRESS);
		await expectInstalled(bench, download);
	});

	it("through the SM-DS that the eIM polls for the device, whose event leads to the SM-DP+", async () => {
		const bench = await start({ card: { rootSmdsAddress: SMDS_ADDRESS } });
		await bench.releaseProfile(OTHER_ICCID, "", { eid: bench.eid, smdsAddress: SMDS_ADDRESS });
		await bench.inTime(vi.waitFor(() => expect(bench.smds.events()).toHaveLength(1), 15_000));
		const download = await bench.order({
			type: "download",
			parameters: { contact: "smds", smdsAddress: SMDS_ADDRESS },
		});
		await settle(bench);
		await expectInstalled(bench, download);
		expect(bench.servers.requests.filter((path) => path.startsWith(`${SMDS_ADDRESS}/gsma/rsp2/es9plus`))).toEqual([
			`${SMDS_ADDRESS}/gsma/rsp2/es9plus/initiateAuthentication`,
			`${SMDS_ADDRESS}/gsma/rsp2/es9plus/authenticateClient`,
		]);
	});

	it("says that nothing waits at the SM-DS", async () => {
		const bench = await start();
		const download = await bench.order({
			type: "download",
			parameters: { contact: "smds", smdsAddress: SMDS_ADDRESS },
		});
		await settle(bench);
		expect(await bench.eim.store.loadOperation(download)).toMatchObject({
			state: "failed",
			reason: { text: "Nothing waits for this eUICC at the SM-DS." },
		});
	});
});

describe("confirmation code", () => {
	it("that is wrong is said in words, and a new order with the right one goes through", async () => {
		const bench = await start();
		const matchingId = await bench.releaseProfile(OTHER_ICCID, "", { confirmationCode: "2468" });
		const order = (confirmationCode?: string) =>
			bench.order({
				type: "download",
				parameters: {
					smdpAddress: SMDP_ADDRESS,
					matchingId,
					...(confirmationCode === undefined ? {} : { confirmationCode }),
				},
			});
		const missing = await order();
		const wrong = await order("1111");
		await settle(bench);
		expect(await bench.eim.store.loadOperation(missing)).toMatchObject({
			state: "failed",
			reason: { code: "8.2.7/2.2", text: expect.stringContaining("needs a confirmation code") },
		});
		expect(await bench.eim.store.loadOperation(wrong)).toMatchObject({
			state: "failed",
			reason: { code: "8.2.7/3.8", text: expect.stringContaining("The confirmation code is wrong") },
		});
		const right = await order("2468");
		await settle(bench);
		await expectInstalled(bench, right);
	});
});

describe("a profile that the eIM does not let onto the card", () => {
	const sessionsAtSmdp = (bench: RoomsBench) =>
		bench.servers.requests.filter((path) => path.endsWith("/cancelSession")).length;

	it("by its ICCID is not loaded, and the session at the SM-DP+ is ended", async () => {
		const bench = await start();
		const matchingId = await bench.releaseProfile(OTHER_ICCID);
		const expected = { iccid: Iccid("8900101000000000034") };
		await bench.order({ type: "readEuiccData", parameters: {} });
		const download = await bench.order({
			type: "download",
			parameters: { smdpAddress: SMDP_ADDRESS, matchingId, expected },
		});
		await settle(bench);
		expect(await bench.eim.store.loadOperation(download)).toMatchObject({
			state: "failed",
			reason: { text: expect.stringContaining(`its ICCID is ${OTHER_ICCID}`) },
		});
		await bench.eim.clock.advance(Minutes(2));
		await bench.inTime(bench.eim.jobs.runDue());
		expect(sessionsAtSmdp(bench)).toBe(1);
		// By the eUICC's signature: the SM-DP+ has ended the order.
		expect(bench.smdp.profiles().find((one) => one.iccid === OTHER_ICCID)?.state).toBe("error");
		expect(await bench.iccids()).not.toContain(OTHER_ICCID);
	});

	it("by its policy rules, which the eUICC's own table does not allow", async () => {
		const bench = await start({ card: { rulesAuthorisationTable: [] } });
		await bench.order({ type: "getRat", parameters: {} });
		const download = await bench.orderDownload(OTHER_ICCID, 'policyRules: ["ppr1"]');
		await settle(bench);
		expect(await bench.eim.store.loadOperation(download)).toMatchObject({
			state: "failed",
			reason: {
				text: expect.stringContaining("ppr1 is not authorised"),
				code: "cancelSession: pprNotAllowed(3)",
			},
		});
		await bench.eim.clock.advance(Minutes(2));
		await bench.inTime(bench.eim.jobs.runDue());
		expect(sessionsAtSmdp(bench)).toBe(1);
	});

	it("is refused by the SM-DP+ itself when the eUICC has no room for it, which is said in words", async () => {
		const bench = await start({ card: { profileMemory: 2000 } });
		const download = await bench.orderDownload(OTHER_ICCID);
		await settle(bench);
		expect(await bench.eim.store.loadOperation(download)).toMatchObject({
			state: "failed",
			reason: { code: "8.1/4.8", text: expect.stringContaining("not enough memory left") },
		});
	});
});

describe("IpaEuiccDataRequest (SGP.32 §2.11.1.3)", () => {
	it("asks for what the device is and has configured, and the eIM keeps it", async () => {
		const bench = await start({ card: { rootSmdsAddress: SMDS_ADDRESS } });
		const asked = await bench.order({ type: "readEuiccData", parameters: {} });
		await settle(bench);
		expect(await bench.eim.state(asked)).toBe("succeeded");
		const device = await bench.eim.store.loadDevice(bench.eid);
		expect(device).toMatchObject({ rootSmdsAddress: SMDS_ADDRESS });
		for (const fact of ["euiccInfo1", "euiccInfo2", "ipaCapabilities", "deviceInfo", "euiccCertificate"] as const) {
			expect(device?.[fact], fact).toBeInstanceOf(Uint8Array);
		}
		expect(toHex(device?.euiccInfo1 ?? utf8("")).slice(0, 4)).toBe("BF20");
	});

	it("finds a notification that is still on the card by its event; it is forwarded and acknowledged", async () => {
		const bench = await start();
		const download = await bench.orderDownload(OTHER_ICCID);
		// HandleNotification is lost, so that the installation result stays on the card.
		let isLost = true;
		bench.interruption = async (effect, when) => {
			if (isLost && effect === "eim 3d" && when === "before") throw new Error("lost");
		};
		const ipa = await bench.restart();
		await bench.round(ipa).catch(() => undefined);
		await ipa.close();
		expect(await bench.leftOnCard()).toBe(1);
		expect(await bench.eim.state(download)).toBe("sent");
		isLost = false;
		const parameters = { tags: ["A5", "A6"], notifications: { event: "install" } } as const;
		await bench.order({ type: "readEuiccData", parameters });
		await settle(bench);
		await expectInstalled(bench, download);
	});
});
