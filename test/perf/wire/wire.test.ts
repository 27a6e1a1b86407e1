import { dtlsAvailable } from "@iot-esim/shared/transport/native/dtls/dtls-available";
import { expect, it } from "vitest";
import { requireExternal } from "../../support/externals.ts";
import { coapDtlsBinding } from "./coap-binding.ts";
import { EXCHANGES, type Exchange, measure } from "./measure.ts";

it("an idle poll over an open DTLS session stays below 160 octets, a whole switch of profiles below 1,500", async () => {
	const isThere = await requireExternal("the DTLS addon (a C++ compiler)", () =>
		dtlsAvailable().available ? true : undefined,
	);
	const binding = coapDtlsBinding();
	if (!isThere || "absent" in binding) return;
	const rows = await measure(binding, "compact");
	const octets = (exchange: Exchange) => rows.find((row) => row.exchange === exchange)?.octets;
	expect(octets("idle poll, open connection")).toBeLessThan(160);
	expect(octets("profile switch")).toBeLessThan(1500);
	// The new address in the middle of the switch forces its one resumption; a poll on an open connection pays for none.
	const handshakes = (exchange: Exchange) =>
		rows.find((row) => row.exchange === exchange)?.handshakes.map(({ isFull }) => (isFull ? "full" : "resumed"));
	expect(EXCHANGES.map((exchange) => [exchange, handshakes(exchange)])).toEqual([
		["idle poll, fresh connection", ["full"]],
		["idle poll, resumed connection", ["resumed"]],
		["idle poll, open connection", []],
		["profile switch", ["resumed"]],
		["indirect download of 30 KB", []],
	]);
	// Every octet of the capture is in one of the parts.
	for (const { octets: all, handshake, envelope, binder, esipa } of rows) {
		expect(handshake + envelope + binder + esipa).toBe(all);
	}
});
