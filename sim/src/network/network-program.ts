import net from "node:net";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { Lifecycle } from "@iot-esim/shared/runtime/lifecycle";
import type { Logger, LoggerFactory } from "@iot-esim/shared/runtime/logger";
import type { RandomSource } from "@iot-esim/shared/runtime/random";
import { createHttpClient } from "@iot-esim/shared/transport/http/client";
import { createHttpListener } from "@iot-esim/shared/transport/http/server";
import { type HostPort, listenTcp, parseHostPort, printHostPort } from "@iot-esim/shared/transport/tcp";
import { Seconds } from "@iot-esim/shared/util/duration";
import { fileTrouble } from "@iot-esim/shared/util/errors";
import type { NetworkConfig } from "./config.ts";
import { controlFace } from "./control-face.ts";
import { coverageRule } from "./coverage-form.ts";
import { CoverageWatch } from "./coverage-watch.ts";
import { DataPath } from "./data-path.ts";
import { bearersOf, DatagramRelay } from "./datagram-relay.ts";
import { Device } from "./device.ts";
import { type DevicePorts, offerToReader, openDevicePorts } from "./device-ports.ts";
import { NetworkError } from "./errors.ts";
import { type DeviceEvent, EventLog } from "./events.ts";
import { Hss } from "./hss.ts";
import { Network } from "./network.ts";
import { ConnectProxy } from "./proxy.ts";
import { memorySequenceStore, openSequenceFile } from "./sequence-store.ts";
import { Smsc } from "./smsc/smsc.ts";
import { fixedSubscribers, type SubscriberSource, smdpSubscribers, subscriberOfUpp } from "./subscriber-source.ts";

export interface NetworkProgramDeps {
	readonly clock: Clock;
	readonly random: RandomSource;
	readonly logger: LoggerFactory;
	readonly readFile: (path: string) => Promise<Uint8Array>;
}

/** Addresses by port, as printed when the program is ready. */
/** Where a device's parts connect. */
export interface DeviceListening {
	readonly card: string;
	readonly ipa: string;
	readonly proxy: string;
	/** For datagrams, where the device has a way for them. */
	readonly udp?: string;
}

export interface NetworkListening {
	readonly control: string;
	/** SMPP of the SMSC, where there is one. */
	readonly smsc?: string;
	readonly devices: Readonly<Record<string, DeviceListening>>;
}

interface Line {
	readonly device: Device;
	readonly proxy: ConnectProxy;
	readonly relay: DatagramRelay | undefined;
	readonly onEvent: (event: DeviceEvent) => void;
	readonly settings: NetworkConfig["devices"][number];
}

/** Everything of `sim-network`, wired; `start` opens the ports and gives their addresses. */
export class NetworkProgram {
	readonly devices: readonly Device[];
	readonly events: EventLog;
	readonly network: Network;
	readonly #config: NetworkConfig;
	readonly #deps: NetworkProgramDeps;
	readonly #lines: readonly Line[];
	readonly #watch: CoverageWatch;
	readonly #smsc: Smsc;
	readonly #closers: (() => Promise<unknown> | unknown)[] = [];

	private constructor(config: NetworkConfig, deps: NetworkProgramDeps, hss: Hss) {
		const log = deps.logger("sim.network");
		this.#config = config;
		this.#deps = deps;
		this.events = new EventLog(deps.clock);
		this.network = new Network({
			hss,
			operators: config.operators,
			coverage: { isCoveredByDefault: config["coverage.default"], rules: config["coverage.rules"].map(coverageRule) },
			log,
		});
		this.#lines = config.devices.map((settings) => this.#line(settings));
		this.devices = this.#lines.map((line) => line.device);
		this.#smsc = this.#newSmsc();
		this.#watch = new CoverageWatch(deps.clock, this.network, this.devices);
	}

	/** @throws NetworkError NETWORK_HSS_SOURCE, NETWORK_HSS_STATE, NETWORK_REQUEST_INVALID */
	static async create(config: NetworkConfig, deps: NetworkProgramDeps): Promise<NetworkProgram> {
		const names = config.devices.map(({ name }) => name);
		const twice = names.find((name, index) => names.indexOf(name) !== index);
		if (twice !== undefined) throw new NetworkError("NETWORK_REQUEST_INVALID", `two devices are named "${twice}"`);
		const stateFile = config["hss.stateFile"];
		const hss = new Hss({
			sources: await subscriberSources(config, deps),
			sequences: stateFile === undefined ? memorySequenceStore() : await openSequenceFile(stateFile),
			random: deps.random,
			log: deps.logger("sim.network.hss"),
		});
		return new NetworkProgram(config, deps, hss);
	}

	/** @throws TransportError TRANSPORT_LISTEN_FAILED */
	async start(): Promise<NetworkListening> {
		const devices: Record<string, DeviceListening> = {};
		for (const line of this.#lines) {
			const proxy = await line.proxy.reserve();
			const udp = await line.relay?.listen();
			this.#closers.push(() => line.relay?.close());
			const ports = await this.#openPorts(line);
			this.#closers.push(
				() => line.device.stop(),
				() => ports.close(),
			);
			this.#offerToReader(line);
			devices[line.device.name] = {
				card: printHostPort(ports.card),
				ipa: printHostPort(ports.ipa),
				proxy: `http://${printHostPort(proxy)}`,
				...(udp && { udp: printHostPort(udp) }),
			};
		}
		const { devices: all, network, events } = this;
		const log = this.#deps.logger("sim.network.control");
		const smsc = await this.#openSmsc();
		const listener = createHttpListener(controlFace({ devices: all, network, watch: this.#watch, events }), {
			maxBodyBytes: 64 * 1024,
			closeTimeout: Seconds(1),
			onError: (error) => log.error("control face failed", { error }),
		});
		const control = await listener.listen(this.#at(this.#config["control.port"]));
		this.#closers.push(() => listener.close());
		this.#watch.start();
		this.#closers.push(() => this.#watch.stop());
		return { control: `http://${printHostPort(control)}`, ...(smsc === undefined ? {} : { smsc }), devices };
	}

	async stop(): Promise<void> {
		for (const close of this.#closers.splice(0).reverse()) await close();
	}

	async #openSmsc(): Promise<string | undefined> {
		const port = this.#config["smsc.port"];
		if (port === undefined) return undefined;
		const listener = await listenTcp(this.#at(port), (socket) => this.#smsc.accept(socket));
		this.#closers.push(
			() => listener.close(),
			() => this.#smsc.stop(),
		);
		return `smpp://${printHostPort(listener.address)}`;
	}

	#openPorts(line: Line): Promise<DevicePorts> {
		return openDevicePorts(line.device, {
			card: this.#at(line.settings.cardPort),
			ipa: this.#at(line.settings.ipaPort),
			clock: this.#deps.clock,
			log: this.#deps.logger("sim.network.modem").with({ device: line.device.name }),
			cardTimeout: this.#config["modem.cardTimeout"],
			onEvent: line.onEvent,
		});
	}

	#offerToReader(line: Line): void {
		const reader = line.settings.ipaReader;
		if (reader === undefined) return;
		const address = parseHostPort(reader, "ipaReader");
		const offered = offerToReader(line.device, { address, clock: this.#deps.clock, onEvent: line.onEvent });
		this.#closers.push(() => offered.stop());
	}

	#at(port: number): HostPort {
		return { host: this.#config["listen.host"], port };
	}

	#newSmsc(): Smsc {
		const config = this.#config;
		const perSecond = config["smsc.perSecond"];
		return new Smsc({
			clock: this.#deps.clock,
			log: this.#deps.logger("sim.network.smsc"),
			accounts: { [config["smsc.systemId"]]: config["smsc.password"]?.reveal() ?? "" },
			subscriber: (msisdn) => this.#lines.find(({ settings }) => settings.msisdn === msisdn)?.device,
			...(perSecond === undefined ? {} : { perSecond }),
		});
	}

	/** The way of the IPA's datagrams, where it has one. */
	#relay({ name, udpPort, udpTo }: Line["settings"], path: DataPath): DatagramRelay | undefined {
		if (udpPort === undefined && udpTo === undefined) return undefined;
		if (udpPort === undefined || udpTo === undefined) {
			throw new NetworkError("NETWORK_REQUEST_INVALID", `device "${name}": udpPort and udpTo belong together`);
		}
		const destination = parseHostPort(udpTo, "udpTo");
		return new DatagramRelay({ address: this.#at(udpPort), destination, path, clock: this.#deps.clock });
	}

	#line(settings: NetworkConfig["devices"][number]): Line {
		const config = this.#config;
		const { name, place, pin } = settings;
		const log = this.#deps.logger("sim.network.modem").with({ device: name });
		const onEvent = (event: DeviceEvent) => {
			this.events.record(name, event);
			log.info(event.type.replaceAll("-", " "), { ...event, type: undefined });
			if (event.type === "attached") this.#smsc.reconsider();
			if (event.type === "short-message-received") touchSocket(settings.ipaWake, log);
		};
		const path = new DataPath({ allow: config["proxy.allow"], hosts: config.hosts });
		const proxy = new ConnectProxy({
			address: this.#at(settings.proxyPort),
			path,
			onTunnel: ({ destination, refusal }) =>
				onEvent(
					refusal === undefined
						? { type: "tunnel-opened", destination }
						: { type: "tunnel-refused", destination, reason: refusal },
				),
		});
		const relay = this.#relay(settings, path);
		const device = new Device({
			name,
			place,
			clock: this.#deps.clock,
			log,
			network: this.network,
			bearer: relay === undefined ? proxy : bearersOf(proxy, relay),
			dataPath: path,
			onEvent,
			...(pin === undefined ? {} : { pin: pin.reveal() }),
			pollInterval: config["modem.pollInterval"],
			searchInterval: config["modem.searchInterval"],
			attachTime: config["modem.attachTime"],
		});
		return { device, proxy, relay, onEvent, settings };
	}
}

/** Stands for what a modem's program does when a short message comes: it wakes the agent. */
function touchSocket(path: string | undefined, log: Logger): void {
	if (path === undefined) return;
	const socket = net.connect(path, () => socket.end());
	socket.on("error", (error) => log.warn("IPA not woken", { path, error }));
}

async function subscriberSources(config: NetworkConfig, deps: NetworkProgramDeps): Promise<SubscriberSource[]> {
	const local = await Promise.all(
		config["hss.uppFiles"].map(async (file) => {
			const upp = await deps.readFile(file).catch((cause) => {
				throw new NetworkError("NETWORK_HSS_SOURCE", `${file} of hss.uppFiles cannot be read: ${fileTrouble(cause)}`, {
					cause,
				});
			});
			return subscriberOfUpp(upp, file);
		}),
	);
	const base = config["hss.smdpBench"];
	if (base === undefined) return [fixedSubscribers(local)];
	const http = createHttpClient({ tls: { kind: "none" }, timeout: Seconds(10), clock: deps.clock });
	return [fixedSubscribers(local), smdpSubscribers(base, http, deps.logger("sim.network.hss"))];
}

/** Puts the program into a lifecycle; `ready` gets the addresses. */
export function addNetwork(
	lifecycle: Lifecycle,
	create: () => Promise<NetworkProgram>,
	ready: (listening: NetworkListening) => void,
): void {
	let program: NetworkProgram | undefined;
	lifecycle.add({
		name: "network",
		start: async () => {
			program = await create();
			try {
				ready(await program.start());
			} catch (error) {
				await program.stop();
				throw error;
			}
		},
		stop: () => program?.stop(),
	});
}
