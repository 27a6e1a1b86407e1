import type { ApiKey } from "@iot-esim/eim/domain/api-key";
import { describe, expect, it } from "vitest";
import type { OpenStore } from "./store.ts";
import { audit, START } from "./store-samples.ts";

const key = (id: string): ApiKey => ({ id, name: `key ${id}`, readOnly: false, hash: `hash ${id}`, createdAt: START });

export function storeAccessContract(open: OpenStore): void {
	describe("access", () => {
		it("saves the first API key once, whoever comes first", async () => {
			const store = await open();
			const saved = await Promise.all(["a", "b", "c"].map((id) => store.saveFirstApiKey(key(id), audit)));
			expect(saved.filter(Boolean)).toHaveLength(1);
			expect(await store.listApiKeys()).toHaveLength(1);
		});

		it("finds a key by its hash, notes its use and revokes it once", async () => {
			const store = await open();
			await store.saveApiKey({ ...key("a"), readOnly: true }, audit);
			expect(await store.findApiKey("hash a")).toEqual({ ...key("a"), readOnly: true });
			expect(await store.findApiKey("hash b")).toBeUndefined();
			await store.noteApiKeyUsed("a", START + 5);
			expect(await store.revokeApiKey("a", START + 6, audit)).toBe(true);
			expect(await store.revokeApiKey("a", START + 7, audit)).toBe(false);
			expect(await store.findApiKey("hash a")).toMatchObject({ lastUsedAt: START + 5, revokedAt: START + 6 });
		});

		it("brings an up-to-date schema up to date without harm", async () => {
			const store = await open();
			await store.saveApiKey(key("a"), audit);
			await store.migrate();
			await store.ping();
			expect(await store.listApiKeys()).toHaveLength(1);
		});
	});

	describe("events", () => {
		it("numbers events in the order of commits and never gives a number twice", async () => {
			const store = await open();
			const append = (i: number) => store.appendEvents([{ at: START + i, type: "deviceChanged", facts: { i } }]);
			await Promise.all(Array.from({ length: 25 }, (_, i) => append(i)));
			const ids = (await store.listEvents({ after: 0, limit: 100 })).map(({ id }) => id);
			expect(ids).toHaveLength(25);
			expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
			await store.removeEvents(START + 1000);
			expect(await store.listEvents({ after: 0, limit: 100 })).toEqual([]);
			await append(30);
			expect(await store.lastEventId()).toBeGreaterThan(ids.at(-1) ?? Number.POSITIVE_INFINITY);
		});
	});
}
