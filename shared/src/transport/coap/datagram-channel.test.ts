import { describe, expect, it } from "vitest";
import { DatagramLine } from "../../../../test/support/datagram-line.ts";
import { FakeClock } from "../../../../test/support/fake-clock.ts";
import { SeededRandom } from "../../../../test/support/seeded-random.ts";
import { hex, toHex, utf8 } from "../../util/bytes.ts";
import { Milliseconds, Minutes, Seconds } from "../../util/duration.ts";
import { DatagramChannel } from "./datagram-channel.ts";
import { CoapEndpoint } from "./endpoint.ts";
import { decodeMessage, encodeDatagram, encodeEmpty, readHeader } from "./message.ts";
import { OPTION, uintOption } from "./option.ts";

const MESSAGE = { code: 2, token: hex`01`, options: [], payload: utf8("x") };

describe("confirmable messages (RFC 7252 section 4)", () => {
	it.each([
		["2 s", 0x00, 2000],
		["3 s", 0xff, 3000],
	])("wait %s at first, where chance gives octets of %i: ACK_RANDOM_FACTOR is 1.5", async (_wait, octet, wait) => {
		const clock = new FakeClock();
		const line = new DatagramLine(clock);
		const random = { bytes: (length: number) => new Uint8Array(length).fill(octet) };
		line.rule = () => [];
		const channel = new DatagramChannel(line.client, { clock, random });
		channel.send(MESSAGE);
		await clock.advance(Milliseconds(wait - 1));
		expect(line.sent).toHaveLength(1);
		await clock.advance(Milliseconds(1));
		expect(line.sent).toHaveLength(2);
		await clock.advance(Milliseconds(2 * wait - 1));
		expect(line.sent).toHaveLength(2);
		await clock.advance(Milliseconds(1));
		expect(line.sent).toHaveLength(3);
		channel.close();
	});

	it("go one at a time, whoever sends them: the next when the one before is acknowledged or given up (NSTART)", async () => {
		const clock = new FakeClock();
		const line = new DatagramLine(clock);
		const channel = new DatagramChannel(line.client, { clock, random: new SeededRandom(1) });
		channel.start({ request: () => {}, response: () => true, closed: () => {} });
		const ended: string[] = [];
		for (const text of ["1", "2", "3"]) {
			const payload = utf8(text);
			const acknowledged = () => ended.push(`${text} acknowledged`);
			channel.send({ ...MESSAGE, payload }, { acknowledged, failed: () => ended.push(`${text} given up`) });
		}
		const sentTexts = () =>
			line.from("client").map((octets) => new TextDecoder().decode(decodeMessage(octets).payload));
		expect(sentTexts()).toEqual(["1"]);
		const { messageId = 0 } = readHeader(line.from("client")[0] ?? hex``) ?? {};
		line.server.send(encodeEmpty({ type: "acknowledgement", messageId }));
		await clock.advance(Milliseconds(20));
		expect([ended, sentTexts()]).toEqual([["1 acknowledged"], ["1", "2"]]);
		await clock.advance(Seconds(61));
		expect(sentTexts()).toEqual(["1", "2", "2", "2", "2", "2"]);
		await clock.advance(Seconds(33));
		expect([ended, sentTexts().at(-1)]).toEqual([["1 acknowledged", "2 given up"], "3"]);
		channel.close();
	});
});

it("a notification older than the last one is acknowledged and not taken, but for one after 128 s (RFC 7641 section 3.4)", async () => {
	const clock = new FakeClock();
	const random = new SeededRandom(2);
	const line = new DatagramLine(clock);
	const client = new CoapEndpoint(new DatagramChannel(line.client, { clock, random }), { clock, random });
	let [token, messageId] = [hex``, 900];
	line.server.receive({
		datagram: (octets) => {
			const header = readHeader(octets);
			if (header?.type !== "confirmable") return;
			token = decodeMessage(octets).token;
			const answer = { code: 0x45, token, options: [uintOption(OPTION.observe, 0xff_fffe)], payload: utf8("begun") };
			line.server.send(encodeDatagram({ type: "acknowledgement", messageId: header.messageId }, answer));
		},
		closed: () => undefined,
	});
	const told: string[] = [];
	const { signal } = new AbortController();
	const take = ({ payload }: { payload: Uint8Array }) => told.push(new TextDecoder().decode(payload));
	await clock.until(client.observe({ method: "GET", path: ["o"] }, take, { signal }));
	const notify = async (sequence: number, text: string) => {
		const options = [uintOption(OPTION.observe, sequence)];
		const notification = { code: 0x45, token, options, payload: utf8(text) };
		line.server.send(encodeDatagram({ type: "confirmable", messageId: ++messageId }, notification));
		await clock.advance(Milliseconds(100));
		expect(toHex(line.from("client").at(-1) ?? hex``)).toBe(toHex(encodeEmpty({ type: "acknowledgement", messageId })));
	};
	await notify(0xff_ffff, "newer");
	await notify(0xff_fffe, "older");
	// Numbers begin again after 2^24.
	await notify(2, "newer still");
	await notify(2, "as old");
	await notify(0xff_ffff, "older by far");
	expect(told).toEqual(["newer", "newer still"]);
	await clock.advance(Minutes(3));
	await notify(1, "after a long time");
	expect(told).toEqual(["newer", "newer still", "after a long time"]);
	client.close();
});
