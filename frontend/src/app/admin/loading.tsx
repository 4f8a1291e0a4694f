import { Loading } from '@/components/ui/states';

export default function LoadingPage() {
  return <Loading />;
}
