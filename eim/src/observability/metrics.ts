import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { isFinal, OPERATION_STATES, type OperationState } from "../domain/operation.ts";

/** What the eIM counts. Labels never carry an EID or an ICCID: their number has no bound. */
export interface Metrics {
	/** One ESipa message answered: its function, and what came of it. */
	esipaAnswered(esipaFunction: string, outcome: string, seconds: number): void;
	/** What came over a link between device and eIM, and what came of it. */
	esipaCame(link: string, outcome: string): void;
	/** One request of the API answered: route pattern, not path. */
	apiAnswered(method: string, route: string, status: number, seconds: number): void;
	/** One ES9+ call ended. */
	es9PlusCalled(es9PlusFunction: string, outcome: string): void;
	/** One try of a job ended. */
	jobTried(kind: string, outcome: string): void;
	/** One wake-up of a device went out or failed, or its way said what became of it. */
	wakeUpEnded(via: string, outcome: string): void;
	/** A handshake of DTLS or TLS failed at the listener of a link; the reason is an error's code. */
	handshakeFailed(link: string, reason: string): void;
	/** A device that is not registered has called this ESipa function. */
	unregisteredCame(esipaFunction: string): void;
	/** Shows from now on whether a connection that shall always be there is there. */
	watchConnection(to: string, isUp: () => boolean): void;
	/** The Prometheus text. */
	text(): Promise<string>;
	readonly contentType: string;
}

const OPEN_STATES = OPERATION_STATES.filter((state) => !isFinal(state));
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** @param countOpenOperations asked whenever the metrics are read, so that they are right after a restart too */
export function makeMetrics(countOpenOperations: CountOpen): Metrics {
	const registry = new Registry();
	const registers = [registry];
	collectDefaultMetrics({ register: registry });
	const histogram = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
		new Histogram({ name, help, labelNames, buckets: SECONDS, registers });
	const esipa = histogram("eim_esipa_message_seconds", "Time to answer an ESipa message, by function and outcome.", [
		"function",
		"outcome",
	]);
	const api = histogram("eim_api_request_seconds", "Time to answer an API request, by method, route and status.", [
		"method",
		"route",
		"status",
	]);
	const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
		new Counter({ name, help, labelNames, registers });
	const es9Plus = counter("eim_es9plus_calls_total", "Calls to SM-DP+ servers, by function and outcome.", [
		"function",
		"outcome",
	]);
	const jobs = counter("eim_job_tries_total", "Tries of jobs, by kind and outcome.", ["kind", "outcome"]);
	const links = counter("eim_esipa_messages_total", "ESipa messages, by the link that they came over and outcome.", [
		"link",
		"outcome",
	]);
	const wakeUps = counter("eim_wake_ups_total", "Wake-ups of devices that sleep, by way and outcome.", [
		"via",
		"outcome",
	]);
	const handshakes = counter(
		"eim_handshakes_failed_total",
		"Handshakes with devices that failed, by link and reason.",
		["link", "reason"],
	);
	const unregistered = counter("eim_esipa_unregistered_total", "Messages of unregistered devices, by function.", [
		"function",
	]);
	gaugeOperations(registry, countOpenOperations);
	const connections = gaugeConnections(registry);
	const esipaSeries = new Map<string, { observe(seconds: number): void }>();
	return {
		esipaAnswered(esipaFunction, outcome, seconds) {
			const name = `${esipaFunction} ${outcome}`;
			const series = esipaSeries.get(name) ?? esipa.labels({ function: esipaFunction, outcome });
			esipaSeries.set(name, series);
			series.observe(seconds);
		},
		esipaCame: (link, outcome) => links.inc({ link, outcome }),
		apiAnswered: (method, route, status, seconds) => api.observe({ method, route, status }, seconds),
		es9PlusCalled: (es9PlusFunction, outcome) => es9Plus.inc({ function: es9PlusFunction, outcome }),
		jobTried: (kind, outcome) => jobs.inc({ kind, outcome }),
		wakeUpEnded: (via, outcome) => wakeUps.inc({ via, outcome }),
		handshakeFailed: (link, reason) => handshakes.inc({ link, reason }),
		unregisteredCame: (esipaFunction) => unregistered.inc({ function: esipaFunction }),
		watchConnection: (to, isUp) => void connections.set(to, isUp),
		text: () => registry.metrics(),
		contentType: registry.contentType,
	};
}

type CountOpen = () => Promise<Readonly<Partial<Record<OperationState, number>>>>;

function gaugeOperations(registry: Registry, countOpenOperations: CountOpen): void {
	new Gauge({
		name: "eim_operations_open",
		help: "Operations that are not over, by state.",
		labelNames: ["state"],
		registers: [registry],
		async collect() {
			const counts = await countOpenOperations();
			for (const state of OPEN_STATES) this.set({ state }, counts[state] ?? 0);
		},
	});
}

/** What is put into the answer is shown. */
function gaugeConnections(registry: Registry): Map<string, () => boolean> {
	const connections = new Map<string, () => boolean>();
	new Gauge({
		name: "eim_connection_up",
		help: "Whether a connection that shall always be there is there: 1 or 0, by what it leads to.",
		labelNames: ["to"],
		registers: [registry],
		collect() {
			for (const [to, isUp] of connections) this.set({ to }, isUp() ? 1 : 0);
		},
	});
	return connections;
}
