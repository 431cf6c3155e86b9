/** Lets a limited number of works in at the same time; the others wait in the order they came. */
export interface Slots {
  /** Resolves when there is room, with what gives the place back. Giving it back twice counts once. */
  enter(): Promise<() => void>;
}

export function createSlots(count: number): Slots {
  let free = count;
  const waiting: (() => void)[] = [];

  return {
    async enter() {
      if (free > 0) {
        free -= 1;
      } else {
        await new Promise<void>((enter) => waiting.push(enter));
      }
      let isInside = true;
      return () => {
        if (isInside) {
          isInside = false;
          leave();
        }
      };
    },
  };

  function leave(): void {
    const next = waiting.shift();
    if (next) {
      next();
    } else {
      free += 1;
    }
  }
}
