import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { Duration } from "@iot-esim/shared/util/duration";

/** Never settles: whoever waits for it has died. */
function never<T>(): Promise<T> {
	return new Promise<T>(() => undefined);
}

/** The clock of one machine: it may be set wrong, and timers do not care. */
export class MachineClock {
	/** Added to the time of the world. */
	offset = 0;
	readonly #world: Clock;

	constructor(world: Clock) {
		this.#world = world;
	}

	now(): number {
		return this.#world.now() + this.offset;
	}

	schedule(delay: Duration, task: () => void): () => void {
		return this.#world.schedule(delay, task);
	}
}

/**
 * One run of a process, from its start to its death. Everything that the process does to the world goes through here,
 * and each such step is a place where it may die: then nothing that it began goes on, and none of its timers rings.
 */
export class Life {
	readonly name: string;
	readonly clock: Clock;
	#isAlive = true;
	readonly #mayDie: (life: Life, step: string) => void;
	readonly #onDeath = new Set<() => void>();

	/** @param mayDie called before and after each step; it may call `die` */
	constructor(name: string, clock: Clock, mayDie: (life: Life, step: string) => void) {
		this.name = name;
		this.#mayDie = mayDie;
		this.clock = {
			now: () => clock.now(),
			schedule: (delay, task) =>
				this.#isAlive ? clock.schedule(delay, () => this.#isAlive && task()) : () => undefined,
		};
	}

	get isAlive(): boolean {
		return this.#isAlive;
	}

	/** Calls `listener` when the process dies; the returned function ends that. */
	onDeath(listener: () => void): () => void {
		this.#onDeath.add(listener);
		return () => {
			this.#onDeath.delete(listener);
		};
	}

	die(): void {
		if (!this.#isAlive) return;
		this.#isAlive = false;
		for (const listener of [...this.#onDeath]) listener();
		this.#onDeath.clear();
	}

	/** A step of the process that takes effect outside of it; never settles for a process that dies before or in it. */
	async step<T>(what: string, act: () => Promise<T>): Promise<T> {
		if (this.#isAlive) this.#mayDie(this, `before ${what}`);
		if (!this.#isAlive) return never();
		try {
			const value = await act();
			if (this.#isAlive) this.#mayDie(this, `after ${what}`);
			return this.#isAlive ? value : never();
		} catch (error) {
			if (this.#isAlive) throw error;
			return never();
		}
	}

	/** The same object to the process alone: each of its methods that gives a promise is a step. */
	owning<T extends object>(name: string, target: T): T {
		return new Proxy(target, {
			get: (from, property) => {
				const member: unknown = Reflect.get(from, property);
				if (typeof member !== "function" || typeof property !== "string") return member;
				return (...given: unknown[]) => this.#call(`${name}.${property}`, () => member.apply(from, given));
			},
		});
	}

	#call(what: string, call: () => unknown): unknown {
		if (!this.#isAlive) return never();
		this.#mayDie(this, `before ${what}`);
		if (!this.#isAlive) return never();
		const value = call();
		if (!(value instanceof Promise)) return value;
		return value.then(
			(result) => {
				if (this.#isAlive) this.#mayDie(this, `after ${what}`);
				return this.#isAlive ? result : never();
			},
			(error) => {
				if (this.#isAlive) throw error;
				return never();
			},
		);
	}
}
