import { afterAll, expect, it } from "vitest";
import { startAedes } from "../support/mqtt-broker.ts";
import { EID, faceOf, linkOf, NOTHING, openerTo, pollOf } from "./mqtt-bench.ts";

const broker = await startAedes();
afterAll(() => broker.stop());

it("exchanges", async () => {
	const face = faceOf(openerTo(broker.url, "eim", "3.1.1"), { shareGroup: "" });
	face.start();
	await face.connected();
	const link = linkOf(openerTo(broker.url, EID, "3.1.1"));
	expect(await link.exchange(pollOf(EID))).toEqual(NOTHING);
	await link.close();
	await face.stop();
});
