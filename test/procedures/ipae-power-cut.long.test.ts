import { Iccid } from "@iot-esim/shared/ids/iccid";
import { Minutes } from "@iot-esim/shared/util/duration";
import { describe, expect, it, onTestFailed } from "vitest";
import { BOOTSTRAP, ipaeBench, TARGET } from "./ipae-bench.ts";

/** Commands of the modem between two losses of power; a whole job has some hundred of them. */
const STEPS = [7, 19, 31, 47, 67, 89, 113, 149, 191, 239, 293];

describe("a device whose card has an IPAe and loses its power again and again", () => {
	it.each(STEPS)(
		"ends the main job, and leaves nothing on the card, with a cut after each %i commands",
		async (step) => {
			const scene = await ipaeBench();
			const { eid, eim, device, until, insert, activate, orderDownload, log, types } = scene;
			onTestFailed(() => console.log(log(), types()));
			await activate();
			const download = await orderDownload();
			const enable = await eim.order(eid, { type: "enable", parameters: { iccid: Iccid(TARGET), rollback: true } });
			await insert();
			const ended = async () => {
				const states = [await eim.state(download), await eim.state(enable)];
				return states.every((state) => state === "succeeded" || state === "rolled-back" || state === "failed");
			};
			for (let cut = 0; cut < 6 && !(await ended()); cut++) {
				const end = scene.card.apdus + step;
				const quiet = scene.clock.now() + Minutes(2);
				await until(async () => scene.card.apdus >= end || scene.clock.now() >= quiet || (await ended()));
				await device.setPower(false);
				await device.setPower(true);
			}
			await until(ended);
			expect(await eim.state(download)).toBe("succeeded");
			expect(["succeeded", "rolled-back"]).toContain(await eim.state(enable));
			const enabled = (await eim.state(enable)) === "succeeded" ? TARGET : BOOTSTRAP;
			await until(() => device.status().attached && device.status().iccid === enabled);
			const later = scene.clock.now() + Minutes(5);
			await until(() => scene.clock.now() >= later);
			expect(await scene.ask("BF2B00")).toBe("BF2B02A000");
			expect(await scene.ask("BF2B04A0028200")).toMatch(/^BF2B02A[02]00$/);
			await scene.close();
		},
	);
});
