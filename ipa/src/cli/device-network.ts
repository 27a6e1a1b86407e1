import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { Duration } from "@iot-esim/shared/util/duration";
import { hostGroup } from "@iot-esim/shared/util/host-group";
import type { DeviceNetwork } from "../ipa-settings.ts";

/** Interfaces with their addresses, as os.networkInterfaces() gives them. */
export type NetworkInterfaces = Readonly<
	Record<string, readonly { readonly address: string; readonly internal: boolean }[] | undefined>
>;

export interface DeviceNetworkOptions {
	readonly interfaces: () => NetworkInterfaces;
	readonly clock: Clock;
	/** How often the interfaces are looked at while somebody wants to hear of changes. */
	readonly watchInterval: Duration;
	/** The link is always paid by volume. */
	readonly isAlwaysMetered: boolean;
	/** Interfaces whose link is. */
	readonly meteredInterfaces: readonly string[];
}

/** Bridges that Docker, Podman, CNI, libvirt and LXC make, and that come and go with what runs behind them. */
const VIRTUAL_BRIDGE =
	/^(docker\d+|docker_gwbridge|br-[0-9a-f]{12}|(cni-)?podman\d+|cni\d+|virbr\d+|lxcbr\d+|lxdbr\d+)$/;
/** They never lead further than to the neighbour (RFC 4291 section 2.5.6, RFC 3927), and every veth has one. */
const LINK_LOCAL = /^(fe[89ab][0-9a-f]:|169\.254\.)/i;

/** The network of a device as its operating system shows it: addresses of interfaces that lead outside. */
export function deviceNetwork(options: DeviceNetworkOptions): DeviceNetwork {
	const { interfaces, clock, watchInterval, isAlwaysMetered, meteredInterfaces } = options;
	return {
		isMetered: () => {
			const names = outside(interfaces()).map(([name]) => name);
			return isAlwaysMetered || (names.length > 0 && names.every((name) => meteredInterfaces.includes(name)));
		},
		onChange: (listener) => {
			let before = outside(interfaces());
			let cancel: () => void = () => undefined;
			const look = () => {
				const now = outside(interfaces());
				const had = before;
				before = now;
				if (JSON.stringify(now) !== JSON.stringify(had)) listener(isAnyLost(had, now));
				cancel = clock.schedule(watchInterval, look);
			};
			cancel = clock.schedule(watchInterval, look);
			return () => cancel();
		},
	};
}

type Outside = readonly (readonly [string, readonly string[]])[];

/**
 * Whether something that is open may have stood on an address that is gone: not where its interface has kept another one of
 * the same prefix, since privacy addresses of IPv6 come and go (RFC 8981).
 */
function isAnyLost(before: Outside, now: Outside): boolean {
	const left = new Set(now.flatMap(([, addresses]) => addresses));
	return before.some(([, addresses]) => {
		const kept = addresses.filter((address) => left.has(address)).map(hostGroup);
		return addresses.some((address) => !left.has(address) && !kept.includes(hostGroup(address)));
	});
}

function outside(interfaces: NetworkInterfaces): Outside {
	return Object.entries(interfaces)
		.filter(([name]) => !VIRTUAL_BRIDGE.test(name))
		.map(([name, addresses = []]) => {
			const leading = addresses.filter(({ internal, address }) => !internal && !LINK_LOCAL.test(address));
			return [name, leading.map(({ address }) => address).sort()] as const;
		})
		.filter(([, addresses]) => addresses.length > 0)
		.sort(([a], [b]) => a.localeCompare(b));
}
