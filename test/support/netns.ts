/**
 * A device and an eIM in network namespaces of their own, with a NAT and a bad link between them: real sockets, real TCP, the
 * kernel's own timers. Packets of the device leave by a TUN device, go through a `Relay` of this process, and come in at
 * the NAT by another one.
 *
 *   device 10.77.1.2 ── TUN ── Relay ── TUN ── NAT 10.77.2.1 ── veth ── eIM 10.77.2.2
 */

import { type ChildProcess, execFileSync, type SpawnOptions, spawn } from "node:child_process";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { concatBytes } from "@iot-esim/shared/util/bytes";
import { requireExternal } from "./externals.ts";
import { findProgram } from "./find-program.ts";
import { Relay, type RelayConditions } from "./relay.ts";

export const DEVICE_ADDRESS = "10.77.1.2";
export const EIM_ADDRESS = "10.77.2.2";
const NAT = { toDevice: "10.77.1.1", toEim: "10.77.2.1" };

/** Opens a TUN device and copies packets between it and the standard streams, each with its length in two octets before it. */
const TUN_PUMP = `
import fcntl, os, select, struct, sys
tun = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tun, 0x400454CA, struct.pack("16sH", sys.argv[1].encode(), 0x1001))
os.write(1, b"\\0\\0")
rest = b""
while True:
    ready, _, _ = select.select([tun, 0], [], [])
    if tun in ready:
        packet = os.read(tun, 65535)
        os.write(1, struct.pack(">H", len(packet)) + packet)
    if 0 in ready:
        piece = os.read(0, 65536)
        if not piece:
            break
        rest += piece
        while len(rest) >= 2 and len(rest) >= 2 + struct.unpack(">H", rest[:2])[0]:
            size = struct.unpack(">H", rest[:2])[0]
            try:
                os.write(tun, rest[2:2 + size])
            except OSError:
                pass
            rest = rest[2 + size:]
`;

/** Undefined, said aloud, where this machine or this user cannot have namespaces. */
export function namespaces(): Promise<true | undefined> {
	return requireExternal(
		"network namespaces (root on Linux with veth, /dev/net/tun and nft: apt-get install iproute2 nftables python3)",
		() => {
			const programs = ["ip", "nft", "python3"].every((name) => findProgram(name) !== undefined);
			if (process.getuid?.() !== 0 || !programs) return undefined;
			const name = `iot-esim-probe-${process.pid}`;
			try {
				run("ip", "netns", "add", name);
				run("ip", "netns", "exec", name, "ip", "tuntap", "add", "probe", "mode", "tun");
				run("ip", "netns", "exec", name, "nft", "add table ip probe");
				return true;
			} catch {
				return undefined;
			} finally {
				tryTo(() => run("ip", "netns", "del", name));
			}
		},
	);
}

export type Side = "device" | "nat" | "eim";

/** The whole set-up; `close` leaves nothing of it behind. */
export class BadLink {
	readonly relay: Relay;
	readonly #names: Readonly<Record<Side, string>>;
	readonly #programs = new Set<ChildProcess>();
	#pumps: ChildProcess[] = [];
	#rebinds = 0;

	private constructor(conditions: RelayConditions) {
		this.relay = new Relay(conditions, systemClock);
		const unique = `iot-esim-${process.pid}-${Math.floor(performance.now())}`;
		this.#names = { device: `${unique}-d`, nat: `${unique}-n`, eim: `${unique}-e` };
	}

	static async open(conditions: RelayConditions): Promise<BadLink> {
		const link = new BadLink(conditions);
		try {
			await link.#build();
			return link;
		} catch (error) {
			await link.close();
			throw error;
		}
	}

	/** Starts a program on one side; it ends with the link at the latest. */
	start(side: Side, command: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
		const child = spawn("ip", ["netns", "exec", this.#names[side], command, ...args], options);
		this.#programs.add(child);
		child.once("exit", () => this.#programs.delete(child));
		return child;
	}

	/** What a program says on one side. */
	run(side: Side, command: string, ...args: readonly string[]): string {
		return run("ip", "netns", "exec", this.#names[side], command, ...args);
	}

	/** The NAT forgets every mapping, and gives other ports from now on: the first and the last of them. */
	rebind(): readonly [number, number] {
		const first = 20_000 + 1000 * (this.#rebinds++ % 30);
		this.run("nat", "nft", "flush chain ip nat out");
		const what = "meta l4proto { tcp, udp } masquerade to";
		this.run("nat", "nft", `add rule ip nat out oifname "out" ${what} :${first}-${first + 999}`);
		// The kernel drops what it has masqueraded over a device that goes down.
		this.run("nat", "ip", "link", "set", "out", "down");
		this.run("nat", "ip", "link", "set", "out", "up");
		return [first, first + 999];
	}

	/** All ports of the NAT from which packets have come to the eIM so far. */
	portsAtEim(): number[] {
		const set = JSON.parse(this.run("eim", "nft", "-j", "list set ip seen ports")) as {
			nftables: readonly { set?: { elem?: readonly number[] } }[];
		};
		return set.nftables.flatMap((one) => one.set?.elem ?? []);
	}

	async close(): Promise<void> {
		const ended = [...this.#programs, ...this.#pumps].map((child) => end(child));
		await Promise.all(ended);
		for (const name of Object.values(this.#names)) tryTo(() => run("ip", "netns", "del", name));
	}

	async #build(): Promise<void> {
		for (const name of Object.values(this.#names)) run("ip", "netns", "add", name);
		for (const side of ["device", "nat", "eim"] as const) this.run(side, "ip", "link", "set", "lo", "up");
		run("ip", "link", "add", "out", "netns", this.#names.nat, "type", "veth", "peer", "in", "netns", this.#names.eim);
		this.#address("nat", "out", `${NAT.toEim}/24`);
		this.#address("eim", "in", `${EIM_ADDRESS}/24`);
		this.run("nat", "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward");
		this.run("eim", "nft", "add table ip seen");
		this.run("eim", "nft", "add set ip seen ports { type inet_service; flags dynamic; size 65535; }");
		this.run("eim", "nft", "add chain ip seen in { type filter hook input priority 0; }");
		const fromNat = `ip saddr ${NAT.toEim} meta l4proto { tcp, udp }`;
		this.run("eim", "nft", `add rule ip seen in ${fromNat} add @ports { th sport }`);
		this.run("nat", "nft", "add table ip nat");
		this.run("nat", "nft", "add chain ip nat out { type nat hook postrouting priority 100; }");
		const [atDevice, atNat] = [await this.#pump("device"), await this.#pump("nat")];
		this.#address("device", "tun", `${DEVICE_ADDRESS}/24`);
		this.#address("nat", "tun", `${NAT.toDevice}/24`);
		this.run("device", "ip", "route", "add", "default", "via", NAT.toDevice);
		const carry = (from: TunPump, to: TunPump, direction: "toServer" | "toClient") => {
			from.onPacket = (packet) => this.relay.pass(direction, packet.length, () => to.send(packet));
		};
		carry(atDevice, atNat, "toServer");
		carry(atNat, atDevice, "toClient");
		this.rebind();
	}

	#address(side: Side, device: string, address: string): void {
		this.run(side, "ip", "addr", "add", address, "dev", device);
		this.run(side, "ip", "link", "set", device, "up");
	}

	async #pump(side: Side): Promise<TunPump> {
		const stdio = ["pipe", "pipe", "inherit"] as const;
		const child = spawn("ip", ["netns", "exec", this.#names[side], "python3", "-c", TUN_PUMP, "tun"], {
			stdio: [...stdio],
		});
		this.#pumps.push(child);
		const pump = new TunPump(child);
		await pump.isOpen;
		// Router solicitations and their like are no traffic of ours.
		this.run(side, "sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/tun/disable_ipv6");
		return pump;
	}
}

/** Packets to and from one TUN device. */
class TunPump {
	readonly #child: ChildProcess;
	readonly isOpen: Promise<void>;
	onPacket: (packet: Uint8Array) => void = () => undefined;

	constructor(child: ChildProcess) {
		this.#child = child;
		let rest: Uint8Array = new Uint8Array(0);
		this.isOpen = new Promise((resolve, reject) => {
			child.once("exit", (code) => reject(new Error(`the program at a TUN device ended with ${code}`)));
			child.stdout?.on("data", (piece: Uint8Array) => {
				rest = concatBytes(rest, piece);
				for (;;) {
					const length = ((rest[0] ?? 0) << 8) | (rest[1] ?? 0);
					if (rest.length < 2 || rest.length < 2 + length) break;
					if (length === 0) resolve();
					else this.onPacket(rest.slice(2, 2 + length));
					rest = rest.subarray(2 + length);
				}
			});
		});
		child.stdin?.on("error", () => undefined);
	}

	send(packet: Uint8Array): void {
		this.#child.stdin?.write(concatBytes(Uint8Array.of(packet.length >> 8, packet.length & 0xff), packet));
	}
}

function run(command: string, ...args: readonly string[]): string {
	return execFileSync(findProgram(command) ?? command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

function tryTo(act: () => unknown): void {
	try {
		act();
	} catch {
		// It was not there.
	}
}

async function end(child: ChildProcess): Promise<void> {
	if (child.exitCode !== null || child.signalCode !== null) return;
	const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
	child.kill("SIGTERM");
	const kill = setTimeout(() => child.kill("SIGKILL"), 5000);
	await exited;
	clearTimeout(kill);
}
