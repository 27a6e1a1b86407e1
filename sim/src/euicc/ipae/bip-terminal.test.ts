import { TransportLevel } from "@iot-esim/shared/messages/cat/cat-objects";
import { fromHex, hex, toHex } from "@iot-esim/shared/util/bytes";
import { describe, expect, it } from "vitest";
import type { InCardInterface } from "../in-card-application.ts";
import { BipStream } from "./bip-stream.ts";
import { BipTerminal } from "./bip-terminal.ts";
import { catObjects } from "./cat-tlv.ts";
import { addressIn, addressQuery, ipv4 } from "./name-query.ts";

/** What modems answered to cards: from traces in public repositories. */
const OPENED = "010301400302028281830100B8028100B50103B902058E";
const SENT = "810301430102028281830100B701FF";

/** A terminal that answers by a script; what the card asked. */
function scripted(answers: readonly string[]) {
	const asked: string[] = [];
	const left = [...answers];
	const card: Pick<InCardInterface, "request"> = {
		request: async (command) => {
			asked.push(toHex(command));
			return fromHex(left.shift() ?? "810301410002028281830100");
		},
	};
	return { terminal: new BipTerminal(card as InCardInterface), asked };
}

const nobody = { onData: () => undefined, onDropped: () => undefined };
const to = { address: hex`CA98E02F`, port: 443, transport: TransportLevel.tcpClient };

describe("the card's side of the bearer independent protocol", () => {
	it("asks for a channel in the octets of ETSI TS 102 223 and reads what a real modem answered", async () => {
		const { terminal, asked } = scripted([OPENED, SENT]);
		expect(await terminal.open(to, nobody)).toBe(1);
		expect(asked[0]).toBe("D01C810301400182028182B50103B9020578BC030201BBBE0521CA98E02F");
		await terminal.send(1, hex`160303`);
		expect(asked[1]).toBe("D00E810301430182028121B603160303");
		await terminal.close(1);
		expect(asked[2]).toBe("D009810301410082028121");
	});

	it("says why it got none", async () => {
		const refused = (result: string) => scripted([`8103014001020282818302${result}`]).terminal.open(to, nobody);
		await expect(refused("2004")).rejects.toThrow("no service");
		await expect(refused("3A07")).rejects.toThrow("remote device not reachable");
		await expect(scripted(["8103014001020282818301"]).terminal.open(to, nobody)).rejects.toMatchObject({
			code: "IPAE_TERMINAL_ANSWER_INVALID",
		});
		await expect(scripted(["810301400102028281830100"]).terminal.open(to, nobody)).rejects.toThrow("without a channel");
	});

	it("survives whatever the terminal answers or tells", async () => {
		for (let at = 0; at < OPENED.length / 2; at++) {
			const answer = fromHex(OPENED).with(at, 0xff);
			await scripted([toHex(answer)])
				.terminal.open(to, nobody)
				.catch((error) => {
					expect(error.code).toMatch(/^IPAE_/);
				});
		}
		const { terminal } = scripted([]);
		const event = hex`D60E99010982028281B8028100B70108`;
		for (let length = 0; length <= event.length; length++) {
			try {
				terminal.envelope(event.subarray(0, length));
			} catch (error) {
				expect(error).toMatchObject({ code: "IPAE_TERMINAL_ANSWER_INVALID" });
			}
		}
		expect(() => catObjects(hex`8105`)).toThrow(/shorter/);
	});

	it("is a stream: pieces out, data in after the event, the end after a dropped link", async () => {
		const data = (octets: string, left: string) =>
			`810301420002028281830100B6${(octets.length / 2).toString(16).padStart(2, "0")}${octets}B701${left}`;
		const { terminal, asked } = scripted([OPENED, SENT, SENT, data("0102", "01"), data("03", "00"), data("04", "00")]);
		const stream = await BipStream.open(terminal, to.address, to.port);
		await new Promise((resolve) => stream.write(new Uint8Array(300), resolve));
		expect(asked.slice(1).map((command) => command.length / 2)).toEqual([245, 83]);
		const received: string[] = [];
		stream.on("data", (chunk: Uint8Array) => received.push(toHex(chunk)));
		const ended = new Promise((resolve) => stream.once("end", resolve));
		terminal.envelope(hex`D60E99010982028281B8028100B70103`);
		await expect.poll(() => received.join("")).toBe("010203");
		terminal.envelope(hex`D60B99010A82028281B8020105`);
		await ended;
		expect(received.join("")).toBe("01020304");
		await expect.poll(() => asked.at(-1)).toBe("D009810301410082028121");
	});
});

describe("names", () => {
	it("are asked for as RFC 1035 has it, and answers are read with pointers and aliases", () => {
		const id = hex`1234`;
		expect(toHex(addressQuery(id, "eim.example.com"))).toBe(
			"1234010000010000000000000365696D076578616D706C6503636F6D0000010001",
		);
		const alias = "C00C00050001000000050006036C6162C010";
		const address = "C02D000100010000003C000401020304";
		const answer = fromHex(`1234818000010002000000000365696D076578616D706C6503636F6D0000010001${alias}${address}`);
		expect(toHex(addressIn(answer, id) ?? hex``)).toBe("01020304");
		expect(addressIn(answer, hex`4321`)).toBeUndefined();
		expect(addressIn(answer.with(3, 0x83), id)).toBeUndefined();
		for (let length = 0; length < answer.length - 4; length++) {
			expect(addressIn(answer.subarray(0, length), id)).toBeUndefined();
		}
		expect(() => addressQuery(id, "a..b")).toThrow(/no name/);
		expect([ipv4("10.0.0.1"), ipv4("10.0.0.256"), ipv4("eim")]).toEqual([hex`0A000001`, undefined, undefined]);
	});
});
