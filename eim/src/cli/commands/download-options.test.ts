import { Eid } from "@iot-esim/shared/ids/eid";
import { hex } from "@iot-esim/shared/util/bytes";
import { Command } from "commander";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { apiBench } from "../../../../test/support/api-bench.ts";
import { downloadBody, euiccDataBody, withDownloadOptions, withEuiccDataOptions } from "./download-options.ts";

const eid = Eid.withCheckDigits("890490320000000000000000000001");
let bench: Awaited<ReturnType<typeof apiBench>>;
beforeEach(async () => {
	bench = await apiBench();
	await bench.call("POST", "/api/v1/devices", { eid });
});
afterEach(() => bench.close());

/** What the command line makes of the words, ordered over the API; the operation, or the problem. */
async function order(words: string, made: "download" | "read-euicc-data" = "download") {
	const withOptions = made === "download" ? withDownloadOptions : withEuiccDataOptions;
	const options = withOptions(new Command()).exitOverride().parse(words.split(" "), { from: "user" }).opts();
	const body = made === "download" ? downloadBody(options) : euiccDataBody(options);
	const answer = await bench.call("POST", `/api/v1/devices/${eid}/operations`, body);
	if (answer.status !== 202) return answer.body;
	return (await bench.call("GET", `/api/v1/operations/${answer.body.id}`)).body.parameters;
}

describe("an order for a download", () => {
	it.each([
		["--activation-code LPA:1$smdp.example.com$ABC-1", { smdpAddress: "smdp.example.com", matchingId: "ABC-1" }],
		["--smdp smdp.example.com:8443", { smdpAddress: "smdp.example.com:8443", matchingId: "" }],
		["--default-smdp --mode indirect", { contact: "defaultSmdp", mode: "indirect" }],
		["--smds", { contact: "smds" }],
		["--smds smds.example.com --mode direct", { contact: "smds", smdsAddress: "smds.example.com", mode: "direct" }],
		[
			"--default-smdp --expect-iccid 8900101000000000026 --expect-class operational --expect-owner 00101",
			{ expected: { iccid: "8900101000000000026", profileClass: "operational", owner: "00101" } },
		],
	])("takes %s", async (words, parameters) => {
		expect(await order(words)).toMatchObject(parameters);
	});

	it.each([
		["--default-smdp --smds", "stands beside another source"],
		["--smdp a.example.com --activation-code 1$b$c", "stands beside another source"],
		["--activation-code 1$a.example.com$B$$1", "is missing: the activation code says that one is required"],
		[
			"--smdp a.example.com --mode direct --confirmation-code 1",
			"cannot be given to a device that downloads by itself",
		],
		["--smdp a.example.com --mode direct --expect-owner 00101", "cannot be checked in a direct download"],
	])("refuses %s", async (words, why) => {
		expect(await order(words)).toMatchObject({ code: "API_REQUEST_INVALID", detail: expect.stringContaining(why) });
	});
});

describe("an order without a source", () => {
	it.each(["--matching-id ABC", "--mode direct"])(
		"is refused before it is sent, in words of the command line: %s",
		async (words) => {
			await expect(order(words)).rejects.toThrow("--activation-code, --smdp with --matching-id");
		},
	);
});

describe("a question for eUICC data", () => {
	it.each([
		["--tags A5 bf22", { tags: ["A5", "BF22"] }],
		["--notifications 7", { notifications: { seqNumber: 7 } }],
		[
			"--notifications install --package-result 3",
			{ notifications: { event: "install" }, packageResults: { seqNumber: 3 } },
		],
		["--ci f54172bd", { ciPublicKeyId: "F54172BD" }],
	])("takes %s", async (words, parameters) => {
		expect(await order(words, "read-euicc-data")).toEqual(parameters);
	});

	it("says what a search for notifications may be", async () => {
		await expect(order("--notifications soon", "read-euicc-data")).rejects.toThrow("none of install, enable, disable");
	});
});

describe("a device", () => {
	it("shows what the IPA told of it, and its last network in digits", async () => {
		await bench.store.changeDevice(eid, {
			lastRplmn: "62F210",
			rootSmdsAddress: "smds.example.com",
			deviceInfo: hex`300A 8004 35290611 A102 8000`,
		});
		expect((await bench.call("GET", `/api/v1/devices/${eid}`)).body).toMatchObject({
			lastNetwork: { mcc: "262", mnc: "01" },
			rootSmdsAddress: "smds.example.com",
			deviceInfo: "300A800435290611A1028000",
		});
	});
});
