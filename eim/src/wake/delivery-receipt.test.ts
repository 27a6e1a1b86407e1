import smpp from "smpp";
import { describe, expect, it } from "vitest";
import { receiptIn } from "./delivery-receipt.ts";

/** What comes of a deliver_sm over the wire. */
function received(fields: Readonly<Record<string, unknown>>) {
	const sent = new smpp.PDU("deliver_sm", { esm_class: 0x04, source_addr: "491701234567", ...fields });
	return receiptIn(new smpp.PDU(sent.toBuffer()));
}
const text = (words: string) => ({ short_message: Buffer.from(words, "latin1") });

describe("a delivery receipt", () => {
	it("is read from the text of SMPP 3.4, appendix B", () => {
		const words =
			"id:1234567890 sub:001 dlvrd:001 submit date:2601010000 done date:2601010001 stat:DELIVRD err:000 Text:poll";
		expect(received(text(words))).toMatchObject({ id: "1234567890", state: "delivered" });
		expect(received(text("id:0A1B sub:001 dlvrd:000 stat:UNDELIV err:27"))).toMatchObject({
			id: "0A1B",
			state: "undelivered",
			error: "UNDELIV, error 27",
		});
		const inPayload = { short_message: Buffer.alloc(0), message_payload: Buffer.from("id:7 stat:EXPIRED err:000") };
		expect(received(inPayload)).toMatchObject({ id: "7", state: "undelivered" });
	});

	it("is read from optional parameters, which go before the text", () => {
		expect(received({ ...text("id:1 stat:UNDELIV"), receipted_message_id: "C0FFEE", message_state: 2 })).toMatchObject({
			id: "C0FFEE",
			state: "delivered",
		});
		expect(received({ ...text(""), receipted_message_id: "1", message_state: 8 })).toMatchObject({ error: "REJECTD" });
	});

	it("names its message also where hex and decimal digits are mixed up", () => {
		expect(received(text("id:2737 stat:DELIVRD"))?.otherForms).toEqual(
			expect.arrayContaining(["ab1", "AB1", "00000AB1"]),
		);
		expect(received(text("id:AB1 stat:DELIVRD"))?.otherForms).toContain("2737");
	});

	it.each([
		["a message of the device", { esm_class: 0, ...text("id:1 stat:DELIVRD") }],
		["a word in between", text("id:1 stat:ACCEPTD")],
		["a message that is under way", { ...text("id:1"), message_state: 1 }],
		["no id", text("stat:DELIVRD")],
		["nothing", text("")],
	])("is not %s", (_name, fields) => expect(received(fields)).toBeUndefined());
});
