import { duplexPair } from "node:stream";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { Seconds } from "@iot-esim/shared/util/duration";
import smpp, { type Pdu } from "smpp";
import { expect, it } from "vitest";
import { FakeClock } from "../../../test/support/fake-clock.ts";
import { smppSettings } from "../../../test/support/smpp-settings.ts";
import { SmppLink } from "./smpp-link.ts";
import { receiptTaker } from "./sms-waker.ts";

const receipt = (id: number, sequence_number = id) =>
	new smpp.PDU("deliver_sm", { esm_class: 4, sequence_number, short_message: Buffer.from(`id:${id} stat:DELIVRD`) });

it("a receipt of no wake-up holds up few others of the account, and is looked for once more while a message is sent", async () => {
	const clock = new FakeClock();
	const taker = receiptTaker({ noteWakeUpReceipt: async () => undefined }, clock, memoryLogger().logger("test"));
	let taken = 0;
	const bring = async (times: number, isSubmitting: boolean) => {
		for (let id = 1; id <= times; id++) void taker(receipt(id), isSubmitting).then(() => taken++);
		await clock.advance(0);
	};
	await bring(50, false);
	expect(taken).toBe(46);
	await clock.advance(Seconds(2));
	expect(taken).toBe(50);
	await bring(10, true);
	expect(taken).toBe(50);
	await clock.advance(Seconds(2));
	expect(taken).toBe(60);
});

it("the link says of a receipt whether a message is on its way, or was within 5 s", async () => {
	const clock = new FakeClock();
	const [ours, theirs] = duplexPair();
	const said: boolean[] = [];
	let answer = () => {};
	const link = new SmppLink({
		name: "smpp://smsc.example.com:2775",
		settings: smppSettings,
		open: async () => ours,
		clock,
		log: memoryLogger().logger("test"),
		onDelivered: async (_pdu: Pdu, isSubmitting) => void said.push(isSubmitting),
	});
	theirs.on("data", (octets: Buffer) => {
		const { command, sequence_number } = new smpp.PDU(octets);
		const reply = () => theirs.write(new smpp.PDU(`${command}_resp`, { sequence_number, message_id: "1" }).toBuffer());
		if (command === "submit_sm") answer = reply;
		else if (!command.endsWith("_resp")) reply();
	});
	const bring = async () => {
		theirs.write(receipt(said.length + 1).toBuffer());
		await clock.advance(0);
	};
	link.start();
	await clock.advance(0);
	await bring();
	const id = link.submit({ destination_addr: "491701234567" });
	await clock.advance(0);
	await bring();
	answer();
	expect(await clock.until(id)).toBe("1");
	await bring();
	await clock.advance(Seconds(5));
	await bring();
	expect(said).toEqual([false, true, true, false]);
	await clock.until(link.stop());
});
