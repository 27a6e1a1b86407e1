import type { BenchReport } from "../bench.ts";
import type { AbsentBinding, WireBinding } from "./binding.ts";
import { coapDtlsBinding, coapTlsBinding } from "./coap-binding.ts";
import { httpsBinding } from "./https-binding.ts";
import { FORMS, measure, type WireRow } from "./measure.ts";
import { mqttBinding } from "./mqtt-binding.ts";
import { wireTable } from "./table.ts";

const BINDINGS: readonly (WireBinding | AbsentBinding)[] = [
	httpsBinding("asn1"),
	httpsBinding("json"),
	mqttBinding(),
	coapDtlsBinding(),
	coapTlsBinding(),
];

/** Whose figures the targets are for. */
const TARGETED = { binding: "coap+dtls", form: "compact" } as const;
const [IDLE_POLL_BYTES, SWITCH_BYTES] = [160, 1500];

/**
 * What crosses the wire for one poll, one switch and one download, over every binding. `idlePollBytes` (on an open DTLS
 * connection) and `switchBytes` have targets: below 160 and 1,500.
 */
export async function wire(): Promise<BenchReport> {
	const rows: WireRow[] = [];
	const absent: AbsentBinding[] = [];
	for (const binding of BINDINGS) {
		if ("absent" in binding) absent.push(binding);
		else for (const form of FORMS) rows.push(...(await measure(binding, form)));
	}
	const figures: Record<string, number | string> = {
		idlePollBytes: targeted(rows, absent, "idle poll, open connection"),
		idlePollBytesTarget: IDLE_POLL_BYTES,
		switchBytes: targeted(rows, absent, "profile switch"),
		switchBytesTarget: SWITCH_BYTES,
	};
	for (const { binding, form, exchange, octets, roundTrips } of rows) {
		figures[`${binding}, ${form}: ${exchange}`] = octets;
		figures[`${binding}, ${form}: ${exchange}, round trips`] = roundTrips;
	}
	for (const { name, absent: reason } of absent) figures[name] = `absent: ${reason}`;
	return { name: "wire", figures, page: { file: "docs/wire.md", part: "wire", text: wireTable(rows, absent) } };
}

function targeted(rows: readonly WireRow[], absent: readonly AbsentBinding[], exchange: string): number | string {
	const { binding, form } = TARGETED;
	const row = rows.find((one) => one.binding === binding && one.form === form && one.exchange === exchange);
	const reason = absent.find(({ name }) => name === binding)?.absent ?? "not measured";
	return row?.octets ?? `absent: ${reason}`;
}
