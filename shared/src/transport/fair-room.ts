/**
 * Members of owners, the one added or touched longest ago first. Who has room for a newcomer asks for the crowd: one owner
 * alone keeps nobody else out, and without one nobody has to suffer for what is only a rush of many.
 */
export class FairRoom<Member> {
	readonly #members = new Map<Member, { readonly owner: string; readonly since: number }>();
	readonly #owners = new Map<string, Set<Member>>();

	get size(): number {
		return this.#members.size;
	}

	/** Adds a member as the last one. */
	put(member: Member, owner: string, now: number): void {
		this.delete(member);
		this.#members.set(member, { owner, since: now });
		const members = this.#owners.get(owner) ?? new Set();
		this.#owners.set(owner, members.add(member));
	}

	/** Moves a member to the end. */
	touch(member: Member, now: number): void {
		const { owner } = this.#members.get(member) ?? {};
		if (owner !== undefined) this.put(member, owner, now);
	}

	delete(member: Member): boolean {
		const { owner } = this.#members.get(member) ?? {};
		if (owner === undefined) return false;
		this.#members.delete(member);
		const members = this.#owners.get(owner);
		members?.delete(member);
		if (members?.size === 0) this.#owners.delete(owner);
		return true;
	}

	all(): Member[] {
		return [...this.#members.keys()];
	}

	/** The one of all that was added or touched longest ago, and when. */
	first(): { readonly member: Member; readonly since: number } | undefined {
		for (const [member, { since }] of this.#members) return { member, since };
		return undefined;
	}

	/** How many members an owner has. */
	sizeOf(owner: string): number {
		return this.#owners.get(owner)?.size ?? 0;
	}

	/** The owner with the most members. */
	largest(): { readonly owner: string; readonly members: ReadonlySet<Member> } | undefined {
		let found: { owner: string; members: ReadonlySet<Member> } | undefined;
		for (const [owner, members] of this.#owners) {
			if (members.size > (found?.members.size ?? 0)) found = { owner, members };
		}
		return found;
	}

	/**
	 * Who goes for a newcomer of `owner` where the newest has the least to lose: the newest of the largest other owner, if
	 * that one has an eighth of `maximum` places and twice what the newcomer's would have. So a handful of hosts keep nobody
	 * out, and crowds of like size do not end one another's.
	 */
	newestOfTooMany(maximum: number, owner: string): Member | undefined {
		const largest = this.largest();
		if (largest === undefined || largest.owner === owner) return undefined;
		const { size } = largest.members;
		const isTooMany = size > Math.max(1, maximum / 8) && size > 2 * (this.sizeOf(owner) + 1);
		return isTooMany ? [...largest.members].at(-1) : undefined;
	}

	/** The owner of more than half of `maximum` places, and its members. */
	crowd(maximum: number): { readonly owner: string; readonly members: ReadonlySet<Member> } | undefined {
		for (const [owner, members] of this.#owners) if (members.size > maximum / 2) return { owner, members };
		return undefined;
	}

	/** Who goes for a newcomer when `maximum` places are taken: of a crowd, or else of all, the one touched longest ago. */
	longestSilent(maximum: number): Member | undefined {
		if (this.#members.size < maximum) return undefined;
		const [first] = this.crowd(maximum)?.members ?? this.#members.keys();
		return first;
	}
}
