import net from "node:net";

/** Addresses that one subscriber can choose among: an IPv4 address, the first half of an IPv6 address. */
export function hostGroup(host: string): string {
	const [address = ""] = host.toLowerCase().split("%");
	if (!net.isIPv6(address)) return address;
	const mapped = /^(?:::|(?:0+:){5})ffff:([\d.]+)$/.exec(address)?.[1];
	if (mapped !== undefined) return mapped;
	const [before = "", after] = address.split("::");
	const head = before === "" ? [] : before.split(":");
	const tail = after === undefined || after === "" ? [] : after.split(":");
	const tailSize = tail.length + (tail.at(-1)?.includes(".") ? 1 : 0);
	const zeros = after === undefined ? 0 : 8 - head.length - tailSize;
	const groups = [...head, ...Array<string>(zeros).fill("0"), ...tail];
	return groups
		.slice(0, 4)
		.map((group) => Number.parseInt(group, 16).toString(16))
		.join(":");
}
