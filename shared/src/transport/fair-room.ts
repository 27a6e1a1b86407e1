import { hostGroup } from "./host-group.ts";

/**
 * Members of hosts, the one added or touched longest ago first. Where there are too many, the host with the most gives up
 * its first: one host alone keeps nobody else out.
 */
export class FairRoom<Member> {
	readonly #members = new Map<Member, { readonly host: string; readonly since: number }>();
	readonly #hosts = new Map<string, Set<Member>>();

	get size(): number {
		return this.#members.size;
	}

	/** Adds a member as the last one, or moves it there. */
	put(member: Member, host: string, now: number): void {
		this.delete(member);
		const group = hostGroup(host);
		this.#members.set(member, { host: group, since: now });
		const members = this.#hosts.get(group) ?? new Set();
		this.#hosts.set(group, members.add(member));
	}

	delete(member: Member): boolean {
		const { host } = this.#members.get(member) ?? {};
		if (host === undefined) return false;
		this.#members.delete(member);
		const members = this.#hosts.get(host);
		members?.delete(member);
		if (members?.size === 0) this.#hosts.delete(host);
		return true;
	}

	/** The one of all that was added or touched longest ago, and when. */
	first(): { readonly member: Member; readonly since: number } | undefined {
		for (const [member, { since }] of this.#members) return { member, since };
		return undefined;
	}

	/** Who has to go when there are more than `maximum`. */
	surplus(maximum: number): Member | undefined {
		if (this.#members.size <= maximum) return undefined;
		let most = 0;
		let longest = 0;
		let found: Member | undefined;
		for (const members of this.#hosts.values()) {
			if (members.size < most) continue;
			const [first] = members;
			if (first === undefined) continue;
			const since = this.#members.get(first)?.since ?? 0;
			if (members.size === most && since >= longest) continue;
			[most, longest, found] = [members.size, since, first];
		}
		return found;
	}
}
