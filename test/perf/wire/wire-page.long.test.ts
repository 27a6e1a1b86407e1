/** docs/wire.md against the bench that writes it (`npm run bench -- wire --docs`). */

import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { root } from "../../architecture/source-files.ts";
import { requireExternal } from "../../support/externals.ts";
import { EXCHANGES } from "./measure.ts";
import { wire } from "./wire.ts";

/** Signatures and what holds them are an octet longer or shorter by chance: some of them are in a handshake. */
const BY_CHANCE = 16;

/**
 * What a connection that is opened may have besides: the last word of the session before it (an alert of DTLS), which races with the
 * change of the address; and the broker's two tickets, which hold the device's certificate and are filled up to 16 octets.
 */
const AT_HANDSHAKES: Readonly<Record<string, number>> = { "coap+dtls": 31, mqtt: 2 * 16 };

interface Figures {
	readonly binding: string;
	readonly octets: number;
	/** "full", "resumed", or nothing. */
	readonly handshakes: string;
	/** Messages of ESipa. */
	readonly messages: number;
}

/** The rows of all tables by exchange, binding and form. */
function figuresOf(tables: string): Map<string, Figures> {
	const figures = new Map<string, Figures>();
	let exchange = "";
	for (const line of tables.split("\n")) {
		if (line.startsWith("### ")) exchange = line.slice(4).toLowerCase();
		const [, binding = "", form = "", octets = "", , , handshake = "", , , esipa = ""] = line
			.split("|")
			.map((cell) => cell.trim());
		if (!octets.startsWith("**")) continue;
		figures.set(`${exchange}: ${binding}, ${form}`, {
			binding,
			octets: Number(octets.replaceAll("*", "")),
			handshakes: /\((.*)\)/.exec(handshake)?.[1] ?? "",
			messages: Number(/\((\d+)\)/.exec(esipa)?.[1]),
		});
	}
	return figures;
}

it("every row of docs/wire.md is what the bench measures, within 16 octets, and what chance adds to a handshake", {
	timeout: 600_000,
}, async () => {
	const [, written = ""] =
		/<!-- bench wire -->(.*)<!-- end of bench wire -->/s.exec(readFileSync(path.join(root, "docs/wire.md"), "utf8")) ??
		[];
	const { page, figures } = await wire();
	const missing = Object.entries(figures).filter(
		([name, value]) => /^absent/.test(String(value)) && !/Bytes/.test(name),
	);
	for (const [name, reason] of missing) await requireExternal(`${name} (${reason})`, () => undefined);
	const [then, now] = [figuresOf(written), figuresOf(page?.text ?? "")];
	expect(then.size).toBe(EXCHANGES.length * 10);
	if (missing.length === 0) expect([...now.keys()]).toEqual([...then.keys()]);
	const far = [...now].flatMap(([row, figures]) => {
		const { octets, ...same } = then.get(row) ?? { octets: 0, handshakes: "no such row", messages: 0 };
		const room = BY_CHANCE + (figures.handshakes === "" ? 0 : (AT_HANDSHAKES[figures.binding] ?? 0));
		const isNear = Math.abs(figures.octets - octets) <= room;
		const isSame = figures.handshakes === same.handshakes && figures.messages === same.messages;
		return isNear && isSame ? [] : [{ row, measured: figures, page: { octets, ...same } }];
	});
	expect(far).toEqual([]);
});
