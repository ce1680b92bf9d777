/** Dictionary trainings as their logs tell them. */
export * from './course.ts';
export * from './follow.ts';
