// What a lane of a function says of itself, in words.
import type { LaneState } from '../types';
import { count } from './format';

export function waitingIn(lane: LaneState): string {
  if (lane.waiting !== null) return count(lane.waiting);
  return `${lane.is_complete ? '' : 'more than '}${count(lane.waiting_in_memory)}`;
}

/** How many may be under way at a time; `configured` holds until something has waited there. */
export function limitOf(lane: LaneState | null, configured: number | null): string {
  if (lane) return `${count(lane.limit)}${lane.limit_is_adaptive ? ' (adaptive)' : ''}`;
  return configured === null ? 'adaptive' : count(configured);
}

export function rateOf(rate: number | null): string {
  return rate === null ? 'any' : `${count(rate)}/s`;
}
