import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { Duration } from "@iot-esim/shared/util/duration";
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

function isAnyLost(before: Outside, now: Outside): boolean {
	const left = new Set(now.flatMap(([, addresses]) => addresses));
	return before.some(([, addresses]) => addresses.some((address) => !left.has(address)));
}

function outside(interfaces: NetworkInterfaces): Outside {
	return Object.entries(interfaces)
		.map(([name, addresses = []]) => {
			const leading = addresses.filter(({ internal }) => !internal).map(({ address }) => address);
			return [name, leading.sort()] as const;
		})
		.filter(([, addresses]) => addresses.length > 0)
		.sort(([a], [b]) => a.localeCompare(b));
}
